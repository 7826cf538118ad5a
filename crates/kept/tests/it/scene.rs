//! A folder of its own, and the binary run in it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// Exit codes of docs/CLI.md that the tests here meet.
pub(crate) mod exit {
    pub(crate) const OK: i32 = 0;
    pub(crate) const FINDINGS: i32 = 1;
    pub(crate) const USAGE: i32 = 64;
    pub(crate) const DATA: i32 = 65;
    pub(crate) const NO_INPUT: i32 = 66;
    pub(crate) const UNAVAILABLE: i32 = 69;
    pub(crate) const CANNOT_CREATE: i32 = 73;
    pub(crate) const IO: i32 = 74;
    pub(crate) const TRY_AGAIN: i32 = 75;
    pub(crate) const NO_PERMISSION: i32 = 77;
    pub(crate) const CONFIG: i32 = 78;
}

/// What a run came to.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        let ran = Self {
            code: output.status.code().expect("it ended by itself"),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        assert!(!ran.err.contains("panicked"), "it panicked: {}", ran.err);
        ran
    }

    /// It failed with this code, said each of these on standard error and nothing on standard output.
    pub(crate) fn failed(&self, code: i32, said: &[&str]) {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        assert_eq!(self.out, "", "results go to standard output, and there is none");
        for words in said {
            assert!(self.err.contains(words), "“{words}” is not in: {}", self.err);
        }
    }

    /// It went well; the JSON it printed.
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.code, exit::OK, "out: {}\nerr: {}", self.out, self.err);
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// A process of ours. It ends with the test, also with one that fails.
pub(crate) struct Running(Child);

impl Running {
    /// SIGKILL: nothing of it runs any more, no destructor, no flush.
    pub(crate) fn kill(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).expect("our child");
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.0.try_wait().expect("our child")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and that is all that can go wrong.
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// A folder with a database and a key, or with less.
pub(crate) struct Scene {
    folder: TempDir,
    database: PathBuf,
    /// In place of the SQLite file.
    url: Option<String>,
}

impl Scene {
    /// Nothing in it yet.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = folder.path().join("kept.db");
        Self { folder, database, url: None }
    }

    /// Nothing in it yet; the database is the one at `url`, or an SQLite file in the folder.
    pub(crate) fn over(url: Option<String>) -> Self {
        Self { url, ..Self::empty() }
    }

    /// With a key, a database and a practice.
    pub(crate) fn with_practice() -> Self {
        let scene = Self::empty();
        scene.set_up();
        scene
    }

    /// The same, the database lying in `folder`.
    pub(crate) fn with_database_in(folder: &Path) -> Self {
        let mut scene = Self::empty();
        scene.database = folder.join("kept.db");
        scene.set_up();
        scene
    }

    fn set_up(&self) {
        self.run(&["keys", "new", "--json"]).json();
        let made = self.run(&[
            "init",
            "--practice",
            "North Clinic",
            "--time-zone",
            "America/Chicago",
            "--admin",
            "desk@example.org",
            "--json",
        ]);
        made.json();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn database(&self) -> &Path {
        &self.database
    }

    /// Writes a file into the folder.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).expect("the file can be written");
        path
    }

    /// Runs the binary in the folder, with nothing of the tests' own environment that it would read.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &[])
    }

    /// The same, with more variables.
    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let mut command = self.command(arguments);
        Ran::of(&command.envs(variables.iter().copied()).output().expect("the binary starts"))
    }

    /// Runs the binary with words on its standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
        Ran::of(&child.wait_with_output().expect("it ends"))
    }

    /// Starts the binary and leaves it running; all it says goes to the end of a file in the folder.
    pub(crate) fn start_logged(&self, arguments: &[&str], variables: &[(&str, String)], log: &str) -> Running {
        let file =
            std::fs::OpenOptions::new().append(true).create(true).open(self.path(log)).expect("a file of our own");
        let mut command = self.command(arguments);
        command.envs(variables.iter().map(|(name, value)| (*name, value)));
        let child = command.stdout(file.try_clone().expect("a second handle")).stderr(file).spawn();
        Running(child.expect("the binary starts"))
    }

    /// Starts the binary and leaves it running; its words go nowhere.
    pub(crate) fn start(&self, arguments: &[&str], variables: &[(&str, String)]) -> Running {
        let mut command = self.command(arguments);
        command.envs(variables.iter().map(|(name, value)| (*name, value))).stdout(Stdio::null()).stderr(Stdio::null());
        Running(command.spawn().expect("the binary starts"))
    }

    /// Runs the binary, none of whose files may grow beyond `bytes`.
    pub(crate) fn run_with_files_of(&self, bytes: u64, arguments: &[&str]) -> Ran {
        // A POSIX shell counts in blocks of 512 bytes. The signal is ignored, so that writing fails as on a full disk.
        let limit = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", bytes / 512);
        let mut all = vec!["-c", &limit, env!("CARGO_BIN_EXE_kept")];
        all.extend_from_slice(arguments);
        Ran::of(&self.command_of("/bin/sh", &all).output().expect("the shell starts"))
    }

    /// Runs the binary with something to read, and says how much memory it took at most, in bytes.
    pub(crate) fn run_measured(
        &self,
        arguments: &[&str],
        input: impl FnOnce(&mut dyn std::io::Write) + Send,
    ) -> (Ran, u64) {
        let mut command = self.command(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdin = child.stdin.take().expect("piped");
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        std::thread::scope(|threads| {
            let writer = threads.spawn(move || input(&mut stdin));
            // The mark only rises, so the last look before the end is what counts.
            while child.try_wait().expect("our child").is_none() {
                let text = std::fs::read_to_string(&status).unwrap_or_default();
                let mark =
                    text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
                peak = mark.map_or(peak, |kilobytes: u64| kilobytes * 1024);
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            writer.join().expect("the writer ends");
        });
        assert!(peak > 0, "the process was gone before anybody looked");
        (Ran::of(&child.wait_with_output().expect("its words")), peak)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(env!("CARGO_BIN_EXE_kept"), arguments)
    }

    fn command_of(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("KEPT_")) {
            command.env_remove(name);
        }
        let url = self.url.clone().unwrap_or_else(|| format!("sqlite:{}", self.database.display()));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("KEPT_DATABASE_URL", url)
            .env("KEPT_KEY_FILE", self.path("kept.key"));
        command
    }

    /// Imports a file and gives its counts.
    pub(crate) fn import(&self, name: &str) -> serde_json::Value {
        self.run(&["import", name, "--json"]).json()
    }
}
