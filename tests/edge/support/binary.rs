//! The binary as a child process.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::client::Client;
use super::http::{Response, request};
use super::patience::{eventually, within};
use super::watchdog::watch;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wavecast"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WAVECAST_")) {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the binary until it exits.
pub async fn run(arguments: &[&str]) -> Output {
    run_with(arguments, &[]).await
}

/// Runs the binary until it exits, with its standard output closed. Its exit code.
pub async fn run_unread(arguments: &[&str]) -> Option<i32> {
    let mut command = command(arguments);
    let (_, stdout) = std::io::pipe().expect("a pipe");
    let (_, stderr) = std::io::pipe().expect("a pipe");
    command.stdout(stdout).stderr(stderr);
    let mut binary = Binary {
        child: KillOnDrop(command.spawn().expect("start the binary")),
        address: ([127, 0, 0, 1], 0).into(),
        _stdout: None,
        greeting: String::new(),
    };
    binary.wait_status().await.code()
}

/// Runs the binary with these environment variables until it exits.
pub async fn run_with(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    run_with_input(arguments, environment, "").await
}

/// Runs the binary with this on its standard input until it exits. The input must fit into a pipe.
pub async fn run_with_input(
    arguments: &[&str],
    environment: &[(&str, &str)],
    input: &str,
) -> Output {
    let mut command = command(arguments);
    command
        .envs(environment.iter().copied())
        .stdin(Stdio::piped());
    let mut child = KillOnDrop(command.spawn().expect("start the binary"));
    let mut stdin = child.0.stdin.take().expect("piped");
    // Fails if the binary has ended without reading it.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let mut binary = Binary {
        child,
        address: ([127, 0, 0, 1], 0).into(),
        _stdout: None,
        greeting: String::new(),
    };
    let code = binary.wait_status().await;
    let mut output = Output {
        status: code,
        stdout: Vec::new(),
        stderr: Vec::new(),
    };
    let child = &mut binary.child.0;
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    stdout.read_to_end(&mut output.stdout).expect("read");
    stderr.read_to_end(&mut output.stderr).expect("read");
    output
}

struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // Both fail if the process has exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running server process; killed when dropped.
pub struct Binary {
    child: KillOnDrop,
    pub address: SocketAddr,
    /// What it printed when it started.
    pub greeting: String,
    /// Kept open, so that the binary can print.
    _stdout: Option<BufReader<ChildStdout>>,
}

impl Binary {
    /// Starts the binary on a free port and waits until it listens.
    pub async fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[]).await
    }

    /// Starts the binary on a free port with these environment variables.
    pub async fn start_with(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let arguments = [arguments, &["--listen", "127.0.0.1:0", "--log", "off"]].concat();
        Self::start_as_given(&arguments, environment).await
    }

    /// Starts the binary with these arguments only; they have to make it listen.
    pub async fn start_as_given(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = command(arguments);
        command.envs(environment.iter().copied());
        Self::from_command(command).await
    }

    /// Starts the binary on a free port; what it logs goes into a file.
    pub async fn start_logging_to(file: &str, arguments: &[&str]) -> Self {
        let arguments = [arguments, &["--listen", "127.0.0.1:0", "--log", "trace"]].concat();
        let mut command = command(&arguments);
        command.stderr(File::create(file).expect("create a log file"));
        Self::from_command(command).await
    }

    /// Starts the binary on a free port so that nobody reads what it prints.
    pub async fn start_unread() -> Self {
        watch();
        loop {
            // Nobody can read which port it got, so it is given one that was free just now. If
            // another process has taken that since, the binary exits.
            let free = TcpListener::bind("127.0.0.1:0").await.expect("listen");
            let address = free.local_addr().expect("an address");
            drop(free);
            let address_text = address.to_string();
            let mut command = command(&["--listen", &address_text, "--dev", "--log", "info"]);
            let (_, stdout) = std::io::pipe().expect("a pipe");
            let (_, stderr) = std::io::pipe().expect("a pipe");
            command.stdout(stdout).stderr(stderr);
            let mut child = KillOnDrop(command.spawn().expect("start the binary"));
            let mut has_exited = false;
            eventually("the binary to listen", async || {
                has_exited = child.0.try_wait().expect("wait").is_some();
                has_exited || TcpStream::connect(address).await.is_ok()
            })
            .await;
            if !has_exited {
                return Self {
                    child,
                    address,
                    greeting: String::new(),
                    _stdout: None,
                };
            }
        }
    }

    /// Starts the binary with one worker and with an allocator that returns memory to the
    /// kernel at once, so that its memory can be measured.
    pub async fn start_to_measure(arguments: &[&str]) -> Self {
        let mut command = command(arguments);
        command
            .args(["--listen", "127.0.0.1:0", "--log", "off"])
            .envs([
                ("TOKIO_WORKER_THREADS", "1"),
                ("MALLOC_ARENA_MAX", "1"),
                ("MALLOC_MMAP_THRESHOLD_", "16384"),
                ("MALLOC_TRIM_THRESHOLD_", "0"),
                ("MALLOC_TOP_PAD_", "0"),
                (
                    "_RJEM_MALLOC_CONF",
                    "narenas:1,tcache:false,dirty_decay_ms:0,muzzy_decay_ms:0",
                ),
            ]);
        Self::from_command(command).await
    }

    /// Starts a binary that may open at most `descriptors` files and sockets.
    pub async fn start_with_descriptors(descriptors: usize) -> Self {
        let arguments = ["--listen", "127.0.0.1:0", "--log", "off"];
        Self::start_as_given_with_descriptors(descriptors, &arguments).await
    }

    /// The same, with these arguments only; they have to make it listen.
    pub async fn start_as_given_with_descriptors(descriptors: usize, arguments: &[&str]) -> Self {
        Self::start_within(&format!("ulimit -n {descriptors}"), arguments).await
    }

    /// Starts a binary that may open at most `soft` files and sockets, and may raise that to `hard`.
    pub async fn start_with_soft_descriptors(soft: usize, hard: usize) -> Self {
        let limits = format!("ulimit -n {hard} && ulimit -S -n {soft}");
        Self::start_within(&limits, &["--listen", "127.0.0.1:0", "--log", "off"]).await
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.0.id()
    }

    /// Starts the binary so that no file that it writes may grow beyond `blocks` of 512 bytes or
    /// 1 KiB, as on a disk that is full.
    pub async fn start_with_file_size(blocks: usize, arguments: &[&str]) -> Self {
        Self::start_within(&format!("trap '' XFSZ; ulimit -f {blocks}"), arguments).await
    }

    /// The same, with the signal that the system sends then.
    pub async fn start_with_small_files(blocks: usize, arguments: &[&str]) -> Self {
        Self::start_within(&format!("ulimit -f {blocks}"), arguments).await
    }

    /// Starts the binary after these commands of a shell.
    async fn start_within(limits: &str, arguments: &[&str]) -> Self {
        let script = format!("{limits} && exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command
            .args(["-c", &script, env!("CARGO_BIN_EXE_wavecast")])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self::from_command(command).await
    }

    async fn from_command(mut command: Command) -> Self {
        watch();
        let mut child = KillOnDrop(command.spawn().expect("start the binary"));
        let mut stdout = BufReader::new(child.0.stdout.take().unwrap());
        let reading = spawn_blocking(move || {
            let mut greeting = String::new();
            while !greeting.contains("-d '") && stdout.read_line(&mut greeting).unwrap() > 0 {}
            (greeting, stdout)
        });
        let (greeting, stdout) = within("the binary's greeting", reading).await.unwrap();
        let address = greeting
            .split_once("://")
            .and_then(|(_, rest)| rest.lines().next()?.parse().ok())
            .unwrap_or_else(|| panic!("no address in {greeting:?}"));
        Self {
            child,
            address,
            greeting,
            _stdout: Some(stdout),
        }
    }

    pub async fn connect(&self) -> Client {
        Client::connect(self.address, "/ws").await
    }

    pub async fn http(&self, method: &str, path: &str, body: Option<&Value>) -> Response {
        request(self.address, method, path, body).await
    }

    /// Sends a signal to this process.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.0.id().cast_signed()).expect("a pid");
        kill_process(pid, signal).expect("signal");
    }

    /// Stops this process, as Ctrl-Z does, and waits until none of its threads runs.
    pub async fn stop(&self) {
        self.signal(Signal::STOP);
        let pid = Pid::from_raw(self.child.0.id().cast_signed());
        eventually("the process to stop", async || {
            let waited = waitpid(pid, WaitOptions::UNTRACED | WaitOptions::NOHANG);
            let status = waited.expect("wait");
            status.is_some_and(|(_, status)| status.stopped())
        })
        .await;
    }

    async fn wait_status(&mut self) -> std::process::ExitStatus {
        within("the binary to exit", async {
            loop {
                if let Some(status) = self.child.0.try_wait().expect("wait") {
                    return status;
                }
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await
    }

    /// Waits until the process exits and returns its exit code.
    pub async fn exit_code(&mut self) -> i32 {
        let status = self.wait_status().await;
        let code = status.code();
        code.unwrap_or_else(|| panic!("ended by a signal: {status}"))
    }

    /// Waits until a signal has ended the process.
    pub async fn expect_killed(&mut self) {
        let status = self.wait_status().await;
        assert_eq!(status.code(), None, "it ended by itself: {status}");
    }

    /// Reads standard error up to a line that contains `text`, and returns that line.
    pub async fn log_line(&mut self, text: &str) -> String {
        let stderr = self.child.0.stderr.take().expect("not read before");
        let wanted = text.to_owned();
        let reading = spawn_blocking(move || {
            // So small that nothing is read ahead.
            let mut stderr = BufReader::with_capacity(1, stderr);
            let mut line = String::new();
            while stderr.read_line(&mut line).expect("UTF-8") > 0 && !line.contains(&wanted) {
                line.clear();
            }
            (stderr.into_inner(), line)
        });
        let (stderr, line) = within(text, reading).await.unwrap();
        assert_ne!(line, "", "the log ended before {text:?}");
        self.child.0.stderr = Some(stderr);
        line.trim_end().to_owned()
    }

    /// What the binary wrote to standard error; only after it has exited.
    pub fn stderr(&mut self) -> String {
        let mut text = String::new();
        let mut stderr = self.child.0.stderr.take().expect("not read before");
        stderr.read_to_string(&mut text).expect("UTF-8");
        text
    }
}
