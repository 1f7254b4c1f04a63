//! The program: parse, run, turn the result into an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use shipit::cli::Cli;
use shipit::commands;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => commands::run(&cli),
        Err(error) => commands::wrong_words(&error),
    }
}
