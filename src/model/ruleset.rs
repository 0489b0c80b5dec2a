//! This host's firewall rules, as the programs that manage them print them.

/// What the programs said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RulesetText {
    /// `nft -j list ruleset`; empty without nftables.
    pub nft_json: String,
    /// Whether the contents of its named sets are left out, because listing them takes too long.
    pub lacks_sets: bool,
    /// `nft -a list ruleset`: the same rules in the words an admin knows, with their handles.
    pub nft_text: String,
    /// What the iptables programs save.
    pub iptables: Vec<SavedTables>,
}

/// The output of one iptables-save program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedTables {
    /// The program that changes these tables: `iptables`, `ip6tables`, `iptables-legacy` …
    pub program: String,
    /// Whether the tables live in nftables, so that `nft` lists them as well.
    pub in_nftables: bool,
    /// The tables.
    pub text: String,
}
