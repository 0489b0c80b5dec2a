# Prints this host's firewall rules when told to, and ends when nobody can tell it any more.
# The word it is told separates the outputs, so no rule can pass for a separator.
read -r mark || exit 0

# part NAME COMMAND...: its output, then a line that ends the part.
part() {
    name=$1
    shift
    "$@" </dev/null 2>/dev/null
    printf '\n%s %s %s\n' "$mark" "$name" "$?"
}

has() { command -v "$1" >/dev/null; }

# Older versions cannot leave the contents of sets out.
listing() { nft -a -t list ruleset || nft -a list ruleset; }

has_sets() {
    case $(nft -t list sets 2>/dev/null </dev/null; nft -t list maps 2>/dev/null </dev/null) in
        *"	set "* | *"	map "*) true ;;
        *) false ;;
    esac
}

# Sets of a hundred thousand addresses can take seconds: what can be said without them comes first.
sets=
if has nft; then
    part nft-text listing
    if has_sets; then
        sets=1
        part nft-terse nft -j -t list ruleset
    else
        part nft-json nft -j list ruleset
    fi
fi
for family in ip ip6; do
    plain=${family}tables
    version=$("$plain-save" -V 2>/dev/null </dev/null)
    case $version in
        *nf_tables*) part "$plain/nft" "$plain-save" ;;
        *) has "$plain-nft-save" && part "$plain-nft/nft" "$plain-nft-save" ;;
    esac
    # Asking for tables that do not exist could load the modules for them.
    read -r _ 2>/dev/null <"/proc/net/${family}_tables_names" || continue
    case $version in
        *nf_tables*) part "$plain-legacy/own" "$plain-legacy-save" ;;
        *) part "$plain/own" "$plain-save" ;;
    esac
done
printf '%s all-but-sets 0\n' "$mark"
[ -z "$sets" ] || part nft-json nft -j list ruleset
printf '%s end 0\n' "$mark"
