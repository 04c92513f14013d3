//! Runs the null server as a separate process, to measure the ceiling of the tester:
//! `cargo run --release -p loadtest --example null_server -- 127.0.0.1:3100 5ms`
//! and, beside it, `loadtest -u ws://127.0.0.1:3100/ws -c 100 -C 1 -r 5k/s -d 10s`.

use loadtest::null_server::{Behaviour, NullServer};
use std::io::{self, Write};
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let addr = args.next().unwrap_or_else(|| "127.0.0.1:3100".to_owned());
    let coalesce = args.next().unwrap_or_else(|| "0s".to_owned());
    let behaviour = Behaviour {
        coalesce: humantime::parse_duration(&coalesce)?,
        ping_interval: Duration::from_secs(5),
        ..Behaviour::default()
    };
    let server = NullServer::start(addr.parse()?, behaviour)?;
    // It goes on if nobody reads this.
    let _ = writeln!(io::stdout(), "null server on {}", server.addr());
    server.wait();
    Ok(())
}
