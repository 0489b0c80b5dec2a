//! The keys of the table.

use crate::net::typed::Typed;

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Quit,
    Pause,
    Redraw,
}

/// Keys as they are typed.
pub(super) struct Keys(Option<Typed>);

impl Keys {
    /// Those of stdin, if the table has them.
    pub(super) fn open(has_keys: bool) -> Self {
        Self(has_keys.then(|| Typed::open().ok()).flatten())
    }

    /// The next one that means something.
    pub(super) async fn next(&mut self) -> Key {
        while let Some(typed) = &self.0 {
            let mut bytes = [0; 16];
            match typed.read(&mut bytes).await {
                Ok(count @ 1..) => {
                    if let Some(key) = bytes[..count].iter().find_map(|&byte| key(byte)) {
                        return key;
                    }
                }
                // Nobody is there to type.
                Ok(0) | Err(_) => self.0 = None,
            }
        }
        std::future::pending().await
    }
}

fn key(byte: u8) -> Option<Key> {
    /// Ctrl-L, as everywhere.
    const FORM_FEED: u8 = 0x0c;
    match byte {
        b'q' | b'Q' => Some(Key::Quit),
        b'p' | b'P' | b' ' => Some(Key::Pause),
        FORM_FEED => Some(Key::Redraw),
        _ => None,
    }
}
