//! Which file uses which: paths led to the file that defines what they name, through re-exports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::imports::{self, FileItems, Import};

/// Why one file needs another: the names that it uses.
pub(crate) type Uses = BTreeMap<(String, String), BTreeSet<String>>;

/// A file's module, as names below the root of the crate.
type ModulePath = Vec<String>;

struct Module {
    file: String,
    items: FileItems,
}

pub(crate) struct Modules(BTreeMap<ModulePath, Module>);

/// What a path leads to.
enum Found {
    /// A module itself. To name one is no use of it; what is named through it is.
    Module(ModulePath),
    /// Something that this file defines.
    Item(String),
}

/// No chain of re-exports is that long, so a longer one goes round.
const LONGEST_CHAIN: usize = 16;

impl Modules {
    /// Files by their paths below `src`.
    pub(crate) fn new(files: &[(PathBuf, String)]) -> Self {
        let modules = files.iter().map(|(path, text)| {
            let file = path.display().to_string();
            (module_of(&file), Module { file, items: imports::read(text) })
        });
        Self(modules.collect())
    }

    pub(crate) fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        let mut add = |from: &str, to: &str, name: &str| {
            if from != to {
                uses.entry((from.to_owned(), to.to_owned())).or_default().insert(name.to_owned());
            }
        };
        for (path, module) in &self.0 {
            for child in &module.items.children {
                if let Some(child) = self.0.get(&below(path, child)) {
                    add(&module.file, &child.file, "mod");
                }
            }
            for import in &module.items.imports {
                if let Some(file) = self.imported(path, import) {
                    add(&module.file, &file, import.name.as_deref().unwrap_or("*"));
                }
            }
            for used in &module.items.paths {
                if let Some(Found::Item(file)) = self.find(path, &used.inside, &used.names, LONGEST_CHAIN) {
                    add(&module.file, &file, &used.names[used.names.len() - 1]);
                }
            }
        }
        for (from, to, method) in self.own_calls() {
            add(&from, &to, &method);
        }
        uses
    }

    fn imported(&self, path: &ModulePath, import: &Import) -> Option<String> {
        match self.find(path, &import.path.inside, &import.path.names, LONGEST_CHAIN)? {
            Found::Item(file) => Some(file),
            Found::Module(module) if import.name.is_none() => Some(self.0.get(&module)?.file.clone()),
            Found::Module(_) => None,
        }
    }

    /// Calls of a type's methods that another file defines, from the files that have its type or methods: a type in pieces.
    fn own_calls(&self) -> Vec<(String, String, String)> {
        let mut families: BTreeMap<(String, String), BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for (path, module) in &self.0 {
            for block in &module.items.impls {
                let Some(Found::Item(home)) = self.find(path, &block.of.inside, &block.of.names, LONGEST_CHAIN) else {
                    continue;
                };
                let name = block.of.names[block.of.names.len() - 1].clone();
                let family = families.entry((home.clone(), name)).or_default();
                family.entry(home).or_default();
                family.entry(module.file.clone()).or_default().extend(block.methods.iter().cloned());
            }
        }
        let mut calls = Vec::new();
        for family in families.values() {
            for (from, own) in family {
                let items = self.0.get(&module_of(from)).map(|module| &module.items);
                for name in items.into_iter().flat_map(|items| &items.own_calls).filter(|name| !own.contains(*name)) {
                    let there = family.iter().filter(|(_, methods)| methods.contains(name));
                    calls.extend(there.map(|(to, _)| (from.clone(), to.clone(), name.clone())));
                }
            }
        }
        calls
    }

    /// Where a path leads that stands in `module`, below the modules `inside` its file.
    fn find(&self, module: &ModulePath, inside: &[String], names: &[String], fuel: usize) -> Option<Found> {
        let mut inner = inside.len();
        let mut start = module.clone();
        let mut rest = names;
        let is_anchored = matches!(names.first()?.as_str(), "crate" | "self" | "super");
        while let [first, after @ ..] = rest {
            match first.as_str() {
                "crate" => (start, inner) = (Vec::new(), 0),
                "self" => {}
                "super" if inner > 0 => inner -= 1,
                "super" => {
                    start.pop()?;
                }
                _ => break,
            }
            rest = after;
        }
        if rest.is_empty() {
            return Some(Found::Module(start));
        }
        let found = self.below(&start, rest, fuel);
        // What stands nowhere is made by a macro, or belongs to another crate if the path is not anchored.
        let made_there = || self.0.get(&start).filter(|_| is_anchored).map(|module| Found::Item(module.file.clone()));
        found.or_else(made_there)
    }

    fn below(&self, start: &ModulePath, names: &[String], fuel: usize) -> Option<Found> {
        let fuel = fuel.checked_sub(1)?;
        let [first, rest @ ..] = names else { return Some(Found::Module(start.clone())) };
        let module = self.0.get(start)?;
        let child = below(start, first);
        let import = module.items.imports.iter().find(|import| import.name.as_ref() == Some(first));
        let follow = |import: &Import| {
            let names: Vec<String> = import.path.names.iter().chain(rest).cloned().collect();
            self.find(start, &import.path.inside, &names, fuel)
        };
        if self.0.contains_key(&child) {
            // A function may be called like its module, and be re-exported beside it.
            let item = import.filter(|_| rest.is_empty()).and_then(follow);
            let found = item.or_else(|| self.below(&child, rest, fuel));
            // What the module does not show is made there by a macro.
            let made_there = || self.0.get(&child).map(|module| Found::Item(module.file.clone()));
            return found.or_else(made_there);
        }
        if module.items.defined.contains(first) {
            return Some(Found::Item(module.file.clone()));
        }
        if let Some(import) = import {
            return follow(import);
        }
        let globs = module.items.imports.iter().filter(|import| import.name.is_none());
        globs.into_iter().find_map(|glob| match self.find(start, &glob.path.inside, &glob.path.names, fuel)? {
            Found::Module(module) => self.below(&module, names, fuel),
            Found::Item(_) => None,
        })
    }
}

fn below(module: &ModulePath, name: &str) -> ModulePath {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

/// `wire/mod.rs` is the module `wire`, `wire/parse.rs` is `wire::parse`, `lib.rs` the root. `main.rs` is a crate of its own.
fn module_of(file: &str) -> ModulePath {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}
