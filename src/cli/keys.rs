//! Keys under which values get the same token everywhere.

use std::path::Path;

use crate::redact::Key;

/// The key in a file.
pub(super) fn read_key(path: &Path) -> Result<Key, String> {
    let bytes =
        std::fs::read(path).map_err(|error| format!("cannot read --redaction-key {}: {error}", path.display()))?;
    Key::new(&bytes).map_err(|message| format!("--redaction-key {}: {message}", path.display()))
}

/// A key that nobody keeps: what is made with it cannot be told again.
pub(super) fn random_key() -> Result<Key, String> {
    let mut bytes = [0; 32];
    let filled =
        std::fs::File::open("/dev/urandom").and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes));
    filled.map_err(|error| format!("no random key can be made here: {error}; give --redaction-key"))?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Key::new(text.as_bytes())
}
