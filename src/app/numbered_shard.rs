//! `--shard auto`: engines that start one process on many machines number them, each by environment variables of its own.

use super::shard::{Shard, ShardChoice};

/// How many parts there are, for engines that tell a process its own number only.
const COUNT: &str = "PMTU_SHARDS";

/// How an engine numbers the processes that it starts.
struct Engine {
    name: &'static str,
    /// The number of this process. Where it is not set, the engine did not start it.
    index: &'static str,
    /// What the first one has: a variable, or always the same.
    first: First,
    /// The variable that says how many there are, if there is one.
    count: Option<&'static str>,
    /// What to set `PMTU_SHARDS` to, where there is none.
    count_is: &'static str,
}

enum First {
    Always(u64),
    /// Slurm numbers from a smallest to a largest number, in steps.
    Slurm,
}

/// All that are known. Kubernetes: the documentation of indexed Jobs. Slurm: sbatch(1). GNU parallel: parallel(1). Nomad: "Runtime
/// environment"; a system job has the index 0 on every machine, so its count is 1.
const ENGINES: [Engine; 4] = [
    Engine {
        name: "Kubernetes",
        index: "JOB_COMPLETION_INDEX",
        first: First::Always(0),
        count: None,
        count_is: "the Job's completions",
    },
    Engine {
        name: "Slurm",
        index: "SLURM_ARRAY_TASK_ID",
        first: First::Slurm,
        count: Some("SLURM_ARRAY_TASK_COUNT"),
        count_is: "the tasks of the array",
    },
    Engine {
        name: "GNU parallel",
        index: "PARALLEL_SEQ",
        first: First::Always(1),
        count: None,
        count_is: "the jobs in all",
    },
    Engine {
        name: "Nomad",
        index: "NOMAD_ALLOC_INDEX",
        first: First::Always(0),
        count: None,
        count_is: "the group's count",
    },
];

/// Why the environment does not say which part of the list is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// No engine has numbered this process.
    #[error(
        "--shard auto finds no number: none of JOB_COMPLETION_INDEX, SLURM_ARRAY_TASK_ID, PARALLEL_SEQ, NOMAD_ALLOC_INDEX is set; \
         give --shard I/N"
    )]
    None,
    /// Several engines number it, and differently.
    #[error("--shard auto finds two numbers: {0} and {1}; give --shard I/N")]
    Several(String, String),
    /// The count is missing.
    #[error("{engine} does not tell how many parts there are: set PMTU_SHARDS to {count_is}")]
    NoCount {
        /// The engine.
        engine: &'static str,
        /// What to set it to.
        count_is: &'static str,
    },
    /// A variable that the engine sets is missing.
    #[error("{present} is set and {missing} is not: --shard auto needs both; give --shard I/N")]
    Missing {
        /// What is there.
        present: &'static str,
        /// What is not.
        missing: &'static str,
    },
    /// A value is no number.
    #[error("{variable}={value:?} is no number; --shard auto needs one")]
    NoNumber {
        /// Its variable.
        variable: &'static str,
        /// What it says.
        value: String,
    },
    /// The numbers contradict each other.
    #[error("{0}: these contradict each other; give --shard I/N")]
    Contradiction(String),
}

/// The part that is meant.
pub(super) fn chosen(choice: ShardChoice) -> Result<Shard, NumberError> {
    match choice {
        ShardChoice::Part(shard) => Ok(shard),
        ShardChoice::Numbered => {
            Environment(&|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())).shard()
        }
    }
}

/// The variables of a process.
struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Environment<'_> {
    fn shard(&self) -> Result<Shard, NumberError> {
        let mut engines = ENGINES.iter().filter(|engine| self.text(engine.index).is_some());
        let first = engines.next().ok_or(NumberError::None)?;
        let shard = self.numbered_by(first)?;
        // Inside another one, such as GNU parallel in a task of Slurm.
        for other in engines {
            if self.numbered_by(other) != Ok(shard) {
                let said =
                    |engine: &Engine| Ok(format!("{}={}", engine.index, self.needed(engine.index, engine.index)?));
                return Err(NumberError::Several(said(first)?, said(other)?));
            }
        }
        Ok(shard)
    }

    fn numbered_by(&self, engine: &Engine) -> Result<Shard, NumberError> {
        let count = self.count(engine)?;
        let number = self.needed(engine.index, engine.index)?;
        let (first, step) = match engine.first {
            First::Always(first) => (first, 1),
            First::Slurm => self.first_and_step(engine, count)?,
        };
        let place =
            number.checked_sub(first).filter(|beyond| beyond.is_multiple_of(step)).map(|beyond| beyond / step + 1);
        let narrow = |number: u64| u32::try_from(number).ok();
        let shard = place.and_then(|place| Shard::new(narrow(place)?, narrow(count)?));
        shard.ok_or_else(|| {
            let from = if first == 0 { String::new() } else { format!(" from {first} on") };
            NumberError::Contradiction(format!("{}={number} and a count of {count}{from}", engine.index))
        })
    }

    /// What the engine says counts; what the user says must not differ.
    fn count(&self, engine: &Engine) -> Result<u64, NumberError> {
        let given = self.number(COUNT)?;
        let Some(variable) = engine.count else {
            let (engine, count_is) = (engine.name, engine.count_is);
            return given.ok_or(NumberError::NoCount { engine, count_is });
        };
        let told = self.needed(variable, engine.index)?;
        match given {
            Some(given) if given != told => {
                Err(NumberError::Contradiction(format!("{COUNT}={given} and {variable}={told}")))
            }
            _ => Ok(told),
        }
    }

    /// An array with gaps, such as 1,5,7, has no such numbers that a task could tell its place from.
    fn first_and_step(&self, engine: &Engine, count: u64) -> Result<(u64, u64), NumberError> {
        let first = self.needed("SLURM_ARRAY_TASK_MIN", engine.index)?;
        let step = self.number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
        let expected = step.checked_mul(count.saturating_sub(1)).and_then(|span| first.checked_add(span));
        match self.number("SLURM_ARRAY_TASK_MAX")? {
            Some(last) if Some(last) != expected => Err(NumberError::Contradiction(format!(
                "an array from {first} to {last} in steps of {step}, and SLURM_ARRAY_TASK_COUNT={count}"
            ))),
            _ => Ok((first, step)),
        }
    }

    fn needed(&self, variable: &'static str, present: &'static str) -> Result<u64, NumberError> {
        self.number(variable)?.ok_or(NumberError::Missing { present, missing: variable })
    }

    fn number(&self, variable: &'static str) -> Result<Option<u64>, NumberError> {
        let Some(value) = self.text(variable) else { return Ok(None) };
        let is_plain = value.bytes().all(|byte| byte.is_ascii_digit());
        match value.parse() {
            Ok(number) if is_plain => Ok(Some(number)),
            _ => Err(NumberError::NoNumber { variable, value: value.chars().take(40).collect() }),
        }
    }

    /// An empty variable is one that is not set: manifests with a default have such.
    fn text(&self, variable: &str) -> Option<String> {
        (self.0)(variable).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `NAME=value` for each variable.
    fn shard_of(variables: &str) -> Result<Shard, String> {
        let set = |name: &str| {
            let of_name = |each: &str| {
                each.split_once('=').filter(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
            };
            variables.split(' ').find_map(of_name)
        };
        Environment(&set).shard().map_err(|error| error.to_string())
    }

    fn part(index: u32, of: u32) -> Shard {
        Shard::new(index, of).expect("a part")
    }

    #[test]
    fn each_engine_numbers_in_its_own_way() {
        let rows = [
            ("JOB_COMPLETION_INDEX=0 PMTU_SHARDS=3", (1, 3)),
            ("JOB_COMPLETION_INDEX=2 PMTU_SHARDS=3", (3, 3)),
            ("JOB_COMPLETION_INDEX=0 PMTU_SHARDS=1", (1, 1)),
            ("SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=3 SLURM_ARRAY_TASK_COUNT=4", (1, 4)),
            ("SLURM_ARRAY_TASK_ID=4 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_COUNT=4", (4, 4)),
            (
                "SLURM_ARRAY_TASK_ID=5 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=7 SLURM_ARRAY_TASK_STEP=2 \
                 SLURM_ARRAY_TASK_COUNT=4",
                (3, 4),
            ),
            (
                "SLURM_ARRAY_TASK_ID=7 SLURM_ARRAY_TASK_MIN=7 SLURM_ARRAY_TASK_MAX=7 SLURM_ARRAY_TASK_COUNT=1 PMTU_SHARDS=1",
                (1, 1),
            ),
            ("PARALLEL_SEQ=1 PMTU_SHARDS=8", (1, 8)),
            ("PARALLEL_SEQ=8 PMTU_SHARDS=8", (8, 8)),
            ("NOMAD_ALLOC_INDEX=1 PMTU_SHARDS=2", (2, 2)),
            ("JOB_COMPLETION_INDEX= PARALLEL_SEQ=1 PMTU_SHARDS=2", (1, 2)),
            // One in the other, of one mind.
            (
                "SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_COUNT=2 PARALLEL_SEQ=2 PMTU_SHARDS=2",
                (2, 2),
            ),
        ];
        for (variables, (index, of)) in rows {
            assert_eq!(shard_of(variables), Ok(part(index, of)), "{variables}");
        }
    }

    #[test]
    fn what_is_missing_or_contradicts_itself_is_said() {
        let slurm = "SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=3 SLURM_ARRAY_TASK_COUNT=4";
        let rows = [
            ("PMTU_SHARDS=3".to_owned(), "--shard auto finds no number: none of JOB_COMPLETION_INDEX"),
            ("JOB_COMPLETION_INDEX= ".into(), "--shard auto finds no number"),
            (
                "JOB_COMPLETION_INDEX=0".into(),
                "Kubernetes does not tell how many parts there are: set PMTU_SHARDS to the Job's completions",
            ),
            (
                "PARALLEL_SEQ=1".into(),
                "GNU parallel does not tell how many parts there are: set PMTU_SHARDS to the jobs in all",
            ),
            (
                "NOMAD_ALLOC_INDEX=1".into(),
                "Nomad does not tell how many parts there are: set PMTU_SHARDS to the group's count",
            ),
            (
                "JOB_COMPLETION_INDEX=3 PMTU_SHARDS=3".into(),
                "JOB_COMPLETION_INDEX=3 and a count of 3: these contradict",
            ),
            (
                "JOB_COMPLETION_INDEX=0 PMTU_SHARDS=0".into(),
                "JOB_COMPLETION_INDEX=0 and a count of 0: these contradict",
            ),
            ("PARALLEL_SEQ=0 PMTU_SHARDS=3".into(), "PARALLEL_SEQ=0 and a count of 3 from 1 on: these contradict"),
            ("PARALLEL_SEQ=4 PMTU_SHARDS=3".into(), "PARALLEL_SEQ=4 and a count of 3 from 1 on: these contradict"),
            ("JOB_COMPLETION_INDEX=-1 PMTU_SHARDS=3".into(), "JOB_COMPLETION_INDEX=\"-1\" is no number"),
            ("JOB_COMPLETION_INDEX=+1 PMTU_SHARDS=3".into(), "JOB_COMPLETION_INDEX=\"+1\" is no number"),
            ("JOB_COMPLETION_INDEX=1 PMTU_SHARDS=three".into(), "PMTU_SHARDS=\"three\" is no number"),
            (
                "JOB_COMPLETION_INDEX=99999999999999999999 PMTU_SHARDS=3".into(),
                "JOB_COMPLETION_INDEX=\"99999999999999999999\" is no number",
            ),
            (
                "JOB_COMPLETION_INDEX=1 PMTU_SHARDS=9999999999".into(),
                "JOB_COMPLETION_INDEX=1 and a count of 9999999999",
            ),
            (
                "SLURM_ARRAY_TASK_ID=1".into(),
                "SLURM_ARRAY_TASK_ID is set and SLURM_ARRAY_TASK_COUNT is not: --shard auto needs both",
            ),
            (
                "SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=4".into(),
                "SLURM_ARRAY_TASK_ID is set and SLURM_ARRAY_TASK_MIN is not",
            ),
            (format!("SLURM_ARRAY_TASK_ID=4 {slurm}"), "SLURM_ARRAY_TASK_ID=4 and a count of 4: these contradict"),
            (
                format!("SLURM_ARRAY_TASK_ID=1 {slurm} PMTU_SHARDS=5"),
                "PMTU_SHARDS=5 and SLURM_ARRAY_TASK_COUNT=4: these contradict",
            ),
            (
                "SLURM_ARRAY_TASK_ID=5 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=7 SLURM_ARRAY_TASK_COUNT=3".into(),
                "an array from 1 to 7 in steps of 1, and SLURM_ARRAY_TASK_COUNT=3: these contradict",
            ),
            (
                "SLURM_ARRAY_TASK_ID=4 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_STEP=2 SLURM_ARRAY_TASK_COUNT=4".into(),
                "SLURM_ARRAY_TASK_ID=4 and a count of 4 from 1 on: these contradict",
            ),
            (
                format!("SLURM_ARRAY_TASK_ID=1 {slurm} PARALLEL_SEQ=1 PMTU_SHARDS=4"),
                "--shard auto finds two numbers: SLURM_ARRAY_TASK_ID=1 and PARALLEL_SEQ=1",
            ),
        ];
        for (variables, expected) in rows {
            let said = shard_of(&variables).expect_err(&variables);
            assert!(said.starts_with(expected), "{variables}:\n{said}\n{expected}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }

    #[test]
    fn a_hostile_value_stays_on_one_short_line() {
        let set = |name: &str| (name == "PARALLEL_SEQ").then(|| "1\n\u{1b}[2J".to_owned() + &"9".repeat(10_000));
        let said = Environment(&set).shard().map(drop).map_err(|error| error.to_string());
        assert!(said.as_ref().is_err_and(|said| said.len() < 200), "{said:?}");
        let with_count = |name: &str| set(name).or_else(|| (name == COUNT).then(|| "3".to_owned()));
        let said = Environment(&with_count).shard().expect_err("no number").to_string();
        assert!(said.len() < 200 && !said.chars().any(char::is_control), "{said:?}");
    }
}
