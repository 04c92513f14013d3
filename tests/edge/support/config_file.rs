//! A configuration file that is removed when it is dropped.

use std::fs;
use std::path::PathBuf;

use uuid::Uuid;

pub struct ConfigFile {
    path: PathBuf,
}

impl ConfigFile {
    pub fn new(text: &str) -> Self {
        let name = format!("wavecast-{}.toml", Uuid::new_v4());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, text).expect("write a configuration file");
        Self { path }
    }

    pub fn path(&self) -> &str {
        self.path.to_str().expect("UTF-8")
    }
}

impl Drop for ConfigFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
