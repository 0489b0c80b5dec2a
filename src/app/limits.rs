//! The limits of this process (`ulimit`): whether a run has room within them. Libraries that run out of descriptors panic, and an
//! allocator that runs out of memory aborts: neither says a clear line, so it is said before.

use std::fs::File;
use std::io;

/// What the event loop takes for itself, signals included, and some for names and routes.
const DESCRIPTORS: usize = 12;
/// What one address takes, and a little.
const BYTES: usize = 8 << 20;

/// Whether a run has the memory that it needs. To be asked first of all.
pub fn has_memory() -> bool {
    let mut spare: Vec<u8> = Vec::new();
    spare.try_reserve_exact(BYTES).is_ok()
}

/// Whether so many more descriptors are.
pub(super) fn require_descriptors() -> io::Result<()> {
    (0..DESCRIPTORS).map(|_| File::open("/dev/null")).collect::<io::Result<Vec<File>>>().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_process_has_room() {
        assert!(has_memory());
        require_descriptors().expect("descriptors");
    }
}
