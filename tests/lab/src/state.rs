//! The folder that a lab has while it is up: its plan, its logs, who guards it. And the names of its namespaces.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::plan::Plan;
use crate::scenario_file::Node;

/// The name of a lab. It is part of file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LabId(String);

impl FromStr for LabId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if text.is_empty() || text.starts_with(['.', '-']) || !text.chars().all(fits) {
            return Err("expected letters, digits, '-', '_' and '.'".into());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for LabId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A namespace of a lab: a node, or the one that the wires run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Node(Node),
    Wires,
}

impl Place {
    pub(crate) const ALL: [Self; 6] = [
        Self::Node(Node::C),
        Self::Node(Node::R1),
        Self::Node(Node::R2),
        Self::Node(Node::R3),
        Self::Node(Node::S),
        Self::Wires,
    ];
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|place| place.to_string() == text);
        found.ok_or_else(|| "expected c, r1, r2, r3 or s, or w for the wires".into())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => node.fmt(f),
            Self::Wires => f.write_str("w"),
        }
    }
}

/// A lab that is up, or comes up, or goes down.
#[derive(Clone, Debug)]
pub(crate) struct Lab {
    id: LabId,
}

impl Lab {
    /// Starts a new one; the error says so if it is there already.
    pub(crate) fn create(id: LabId) -> io::Result<Self> {
        fs::create_dir_all(folder_of_all())?;
        let lab = Self { id };
        fs::create_dir(lab.folder()).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                let id = &lab.id;
                io::Error::other(format!("{id} is up already. Take it down with: netns-scripts/path.sh down {id}"))
            }
            _ => io::Error::new(error.kind(), format!("{}: {error}", lab.folder().display())),
        })?;
        Ok(lab)
    }

    /// One that was made before.
    pub(crate) fn find(id: LabId) -> io::Result<Self> {
        let lab = Self { id };
        if lab.exists() {
            return Ok(lab);
        }
        let others: Vec<String> = Self::all().iter().map(|lab| lab.id.to_string()).collect();
        Err(io::Error::other(format!("no lab {}. Up are: {}", lab.id, others.join(" "))))
    }

    /// All that are there, by name.
    pub(crate) fn all() -> Vec<Self> {
        let entries = fs::read_dir(folder_of_all()).map_or_else(|_| Vec::new(), |entries| entries.flatten().collect());
        let mut ids: Vec<String> =
            entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        ids.sort();
        ids.iter().filter_map(|id| id.parse().ok()).map(|id| Self { id }).collect()
    }

    pub(crate) fn id(&self) -> &LabId {
        &self.id
    }

    pub(crate) fn exists(&self) -> bool {
        self.folder().exists()
    }

    /// The name of the network namespace of a node.
    pub(crate) fn namespace(&self, place: Place) -> String {
        format!("pl-{}-{place}", self.id)
    }

    /// The file that stands for it.
    pub(crate) fn namespace_file(&self, place: Place) -> PathBuf {
        Path::new("/run/netns").join(self.namespace(place))
    }

    pub(crate) fn folder(&self) -> PathBuf {
        folder_of_all().join(self.id.to_string())
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Writes down the plan, and the files of `/etc` that the nodes see.
    pub(crate) fn note(&self, plan: &Plan) -> io::Result<()> {
        fs::write(self.file("plan.json"), serde_json::to_vec_pretty(plan)?)?;
        fs::write(self.file("hosts"), format!("127.0.0.1 localhost\n::1 localhost\n{} mx.example.com\n", plan.peer))?;
        fs::write(self.file("resolv.conf"), "nameserver 127.0.0.1\n")?;
        fs::write(self.file("nsswitch.conf"), "hosts: files dns\n")
    }

    pub(crate) fn plan(&self) -> io::Result<Plan> {
        Ok(serde_json::from_slice(&fs::read(self.file("plan.json"))?)?)
    }

    /// From now on the lab lives until somebody takes it down.
    pub(crate) fn note_complete(&self) -> io::Result<()> {
        fs::write(self.file("complete"), "")
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.file("complete").exists()
    }

    pub(crate) fn note_guard(&self, process: u32) -> io::Result<()> {
        fs::write(self.file("guard"), process.to_string())
    }

    pub(crate) fn guard(&self) -> Option<i32> {
        fs::read_to_string(self.file("guard")).ok()?.parse().ok()
    }

    pub(crate) fn forget_guard(&self) {
        let _ = fs::remove_file(self.file("guard"));
    }

    /// Nothing is left of it but its namespaces.
    pub(crate) fn forget(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.folder()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn folder_of_all() -> PathBuf {
    std::env::var_os("PMTU_LAB_STATE").map_or_else(|| "/run/pmtu-lab".into(), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_part_of_a_file_name() {
        for good in ["t123-1", "silent_router", "a.b"] {
            assert!(good.parse::<LabId>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "--all", "a b", "ä"] {
            assert!(bad.parse::<LabId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_place_has_its_name() {
        for place in Place::ALL {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        assert!("r4".parse::<Place>().is_err());
    }
}
