//! Boxes times paths: `tests/boxes.toml` lists boxes, and each stands on three paths, so there is no file for each pair.
//!
//! The box is on the link r1 - r2, in front of the narrow one. A pair is a scenario named `box_NAME_PATH`, such as
//! `box_old_data_dropped_hole`, wherever a scenario has a name.

use serde::Deserialize;

use super::middlebox::Config;
use super::{
    Cause, Expect, Family, Outcome, PtbBehaviour, Scenario, Verdict, World, both_families, both_worlds, check, folder,
};

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    r#box: Vec<Entry>,
}

/// A box, with what is expected where that is not what the path alone would give.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    about: String,
    /// Whether a short run on kernels has it.
    #[serde(default)]
    short: bool,
    #[serde(default = "both_families")]
    families: Vec<Family>,
    #[serde(default = "both_worlds")]
    worlds: Vec<World>,
    worlds_why: Option<String>,
    #[serde(default)]
    middlebox: Config,
    /// As on any link.
    #[serde(default)]
    duplicate: f64,
    #[serde(default)]
    expect: Expectations,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expectations {
    clear: Option<Expect>,
    ptb: Option<Expect>,
    hole: Option<Expect>,
}

/// The paths on which each box stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    Clear,
    Ptb,
    Hole,
}

impl Base {
    pub const ALL: [Self; 3] = [Self::Clear, Self::Ptb, Self::Hole];

    fn word(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Ptb => "ptb",
            Self::Hole => "hole",
        }
    }

    /// Without a box.
    fn expected(self) -> Outcome {
        let (verdict, path_mtu) = match self {
            Self::Clear => (Verdict::Clear, 1500),
            Self::Ptb => (Verdict::Discoverable, NARROW),
            Self::Hole => (Verdict::BlackHole, NARROW),
        };
        Outcome {
            verdict,
            cause: if self == Self::Hole { vec![Cause::NoPtb] } else { Vec::new() },
            masked_by: None,
            path_mtu: Some(path_mtu),
            first_lost_size: (self != Self::Clear).then_some(NARROW + 1),
            exit_code: verdict.exit_code(),
            findings: Vec::new(),
            located_at: None,
            may_be_inconclusive: false,
            reverse: None,
        }
    }
}

/// The MTU of r2 - r3 where it is small.
const NARROW: u32 = 1400;
const NAMES: &str = "box_";

/// All pairs, or those of a short run.
pub fn load_boxes(short_alone: bool) -> Result<Vec<Scenario>, String> {
    let chosen = read()?.into_iter().filter(|entry| entry.short || !short_alone);
    chosen.flat_map(|entry| Base::ALL.map(|base| entry.on(base))).collect()
}

/// The pair with this name; `None`: the name is of another kind.
pub(super) fn load_box(name: &str) -> Option<Result<Scenario, String>> {
    let name = name.strip_prefix(NAMES)?;
    let pair = Base::ALL.into_iter().find_map(|base| Some((base, name.strip_suffix(base.word())?.strip_suffix('_')?)));
    let (base, name) = pair?;
    let found = read().map(|entries| entries.into_iter().find(|entry| entry.name == name));
    match found {
        Err(error) => Some(Err(error)),
        Ok(None) => Some(Err(format!("no box is named {name}"))),
        Ok(Some(entry)) => Some(entry.on(base)),
    }
}

fn read() -> Result<Vec<Entry>, String> {
    let path = folder().with_file_name("boxes.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let file: File = toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(file.r#box)
}

impl Entry {
    fn on(&self, base: Base) -> Result<Scenario, String> {
        let own = match base {
            Base::Clear => &self.expect.clear,
            Base::Ptb => &self.expect.ptb,
            Base::Hole => &self.expect.hole,
        };
        let mut scenario = Scenario {
            name: format!("{NAMES}{}_{}", self.name, base.word()),
            about: self.about.clone(),
            families: self.families.clone(),
            worlds: self.worlds.clone(),
            worlds_why: self.worlds_why.clone(),
            expect: own.clone().unwrap_or_else(|| Expect::always(base.expected())),
            ..Scenario::default()
        };
        let mut links = scenario.links();
        links[1].middlebox = self.middlebox.clone();
        links[1].duplicate = self.duplicate;
        links[1].delay_ms = Some(5.0);
        if base != Base::Clear {
            links[2].mtu = NARROW;
        }
        if base == Base::Hole {
            scenario.router.r2.ptb = PtbBehaviour::Silent;
        }
        scenario.set_links(links);
        check(&scenario).map_err(|error| format!("{}: {error}", scenario.name))?;
        Ok(scenario)
    }
}
