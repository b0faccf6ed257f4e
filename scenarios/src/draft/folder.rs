//! What a folder shows of the bot in it.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

/// A library that bots stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Library {
    /// matrix-sdk (Rust).
    MatrixSdk,
    /// mautrix (Python).
    Mautrix,
    /// matrix-nio (Python).
    Nio,
    /// matrix-bot-sdk (JavaScript).
    BotSdk,
    /// matrix-js-sdk (JavaScript).
    JsSdk,
}

impl Library {
    /// All that are recognised.
    pub const ALL: [Self; 5] = [Self::MatrixSdk, Self::Mautrix, Self::Nio, Self::BotSdk, Self::JsSdk];

    /// The name of its package.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MatrixSdk => "matrix-sdk",
            Self::Mautrix => "mautrix",
            Self::Nio => "matrix-nio",
            Self::BotSdk => "matrix-bot-sdk",
            Self::JsSdk => "matrix-js-sdk",
        }
    }

    /// The files in which a project names its packages.
    const fn manifests(self) -> &'static [&'static str] {
        match self {
            Self::MatrixSdk => &["Cargo.toml"],
            Self::Mautrix | Self::Nio => &["requirements.txt", "pyproject.toml", "setup.py", "setup.cfg", "Pipfile"],
            Self::BotSdk | Self::JsSdk => &["package.json"],
        }
    }

    /// What turns its encryption on, where a manifest or the source has it.
    const fn encryption(self) -> &'static [&'static str] {
        match self {
            Self::MatrixSdk => &["e2e-encryption", "matrix-sdk = \""],
            Self::Mautrix | Self::Nio => &["e2e", "encryption", "olm", "crypto"],
            Self::BotSdk => &["RustSdkCryptoStorageProvider"],
            Self::JsSdk => &["initRustCrypto", "initCrypto"],
        }
    }

    /// The library that a folder's manifests name.
    pub(super) fn of(folder: &Path) -> io::Result<Option<Self>> {
        for library in Self::ALL {
            for manifest in library.manifests() {
                if text_of(&folder.join(manifest))?.contains(library.name()) {
                    return Ok(Some(library));
                }
            }
        }
        Ok(None)
    }
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Library {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known: Vec<&str> = Self::ALL.iter().map(|library| library.name()).collect();
        let found = harness::names::find("library", name, &known).map_err(|unknown| unknown.to_string())?;
        let library = Self::ALL.into_iter().find(|library| library.name() == found);
        library.ok_or_else(|| format!("no library {name}"))
    }
}

/// What is in a file; nothing where there is none.
fn text_of(file: &Path) -> io::Result<String> {
    match fs::read(file) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// What the bot is called: as its folder is.
pub(super) fn name(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole
        .file_name()
        .map_or_else(|| "bot".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The command that probably starts it.
pub(super) fn command(folder: &Path, library: Option<Library>, name: &str) -> String {
    let first = |names: &[&str]| {
        names
            .iter()
            .find(|name| folder.join(name).is_file())
            .map(|name| (*name).to_owned())
    };
    match library {
        Some(Library::MatrixSdk) => format!("./target/debug/{}", package(folder).unwrap_or_else(|| name.to_owned())),
        Some(Library::Mautrix | Library::Nio) => {
            format!(
                "python3 {}",
                first(&["bot.py", "main.py", "__main__.py", "app.py"]).unwrap_or_else(|| "bot.py".to_owned())
            )
        }
        Some(Library::BotSdk | Library::JsSdk) => {
            let named = main_of(folder).filter(|main| folder.join(main).is_file());
            let known = || {
                first(&[
                    "bot.mjs",
                    "index.mjs",
                    "bot.js",
                    "index.js",
                    "src/index.js",
                    "lib/index.js",
                ])
            };
            format!("node {}", named.or_else(known).unwrap_or_else(|| "index.js".to_owned()))
        }
        None => "./bot".to_owned(),
    }
}

/// The name of the package of a `Cargo.toml`.
fn package(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("name"))?;
    Some(line.trim_start_matches([' ', '=']).trim_matches('"').to_owned())
}

/// The program that a `package.json` names.
fn main_of(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join("package.json")).ok()?;
    let json: serde_json::Value = serde_json::from_str(&text).ok()?;
    json["main"].as_str().map(str::to_owned)
}

/// Whether manifest or source turn encryption on.
pub(super) fn encrypts(folder: &Path, library: Option<Library>) -> io::Result<bool> {
    let Some(library) = library else { return Ok(false) };
    let mut texts = Vec::new();
    for manifest in library.manifests() {
        texts.push(text_of(&folder.join(manifest))?);
    }
    for file in sources(folder)? {
        texts.push(text_of(&file)?);
    }
    let words = library.encryption();
    Ok(texts.iter().any(|text| words.iter().any(|word| text.contains(word))))
}

/// How deep, and how many files, sources are looked at: a folder that is no project may be a whole disk.
const DEEP: usize = 4;
const MANY: usize = 500;

/// The source files of a project, without what others wrote.
pub(super) fn sources(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(folder, DEEP, &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, deep: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    const FOREIGN: [&str; 6] = ["node_modules", "target", "venv", "__pycache__", "dist", "build"];
    const ENDINGS: [&str; 7] = ["rs", "py", "js", "mjs", "cjs", "ts", "mts"];
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type()?;
        if name.starts_with('.') || FOREIGN.contains(&name.as_str()) || found.len() >= MANY {
            continue;
        }
        if kind.is_dir() && deep > 0 {
            collect(&entry.path(), deep - 1, found)?;
        } else if kind.is_file()
            && entry
                .path()
                .extension()
                .is_some_and(|is| ENDINGS.iter().any(|one| is == *one))
        {
            found.push(entry.path());
        }
    }
    Ok(())
}
