//! The simulator as a command: `simulator PORT GBIT FAULTS.json KEY=BYTES|KEY=@FILE…`.
//!
//! `GBIT` is the cap of the model `s3like-v1`, 0 for the model without a cap, `-` for no model.
//! `FAULTS.json` is a list of faults, or `-`. The objects lie in the bucket `bench`. It prints the
//! environment that clients need, answers each line of its stdin with what it sent since the last one,
//! and runs until its stdin ends.

use std::error::Error;
use std::io::Write;

use fastdata_testkit::{Fault, Model, Simulator};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [port, gbit, faults, objects @ ..] = &args[..] else {
        return Err("usage: simulator PORT GBIT|- FAULTS.json|- KEY=BYTES|KEY=@FILE…".into());
    };
    let model = match gbit.as_str() {
        "-" => None,
        gbit => Some(Model::s3like(1, gbit.parse()?)),
    };
    let simulator = Simulator::start_at(port.parse()?, model);
    simulator.make_bucket("bench");
    for (seed, object) in (1..).zip(objects) {
        let (key, content) = object
            .split_once('=')
            .ok_or("an object is KEY=BYTES or KEY=@FILE")?;
        match content.strip_prefix('@') {
            Some(file) => simulator.put("bench", key, &std::fs::read(file)?),
            None => {
                simulator.put_synthetic_with_checksum("bench", key, seed, content.parse()?);
            }
        }
    }
    if faults != "-" {
        let text = std::fs::read_to_string(faults)?;
        let faults: Vec<Fault> = serde_json::from_str(&text)?;
        for fault in faults {
            simulator.inject(fault);
        }
    }
    let mut out = std::io::stdout();
    for (name, value) in simulator.env() {
        writeln!(out, "export {name}={value}")?;
    }
    out.flush()?;
    for line in std::io::stdin().lines() {
        line?;
        writeln!(out, "{}", serde_json::to_string(&simulator.take_traffic())?)?;
        out.flush()?;
    }
    Ok(())
}
