//! A folder that is removed when it is dropped.

use std::fs;
use std::path::PathBuf;

use uuid::Uuid;

pub struct Folder {
    path: PathBuf,
}

impl Folder {
    pub fn new() -> Self {
        let name = format!("wavecast-{}", Uuid::new_v4());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir(&path).expect("create a folder");
        Self { path }
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> String {
        let path = self.path.join(name);
        path.to_str().expect("UTF-8").to_owned()
    }

    /// The names of the files in it, sorted.
    pub fn names(&self) -> Vec<String> {
        let files = fs::read_dir(&self.path).expect("a folder");
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// Removes it before its time.
    pub fn remove(&self) {
        fs::remove_dir_all(&self.path).expect("remove a folder");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
