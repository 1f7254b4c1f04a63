//! The program: parse, run, turn the result into an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use shipit::cli::{Cli, wrong_words};
use shipit::{commands, ui};

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => commands::run(&cli),
        Err(error) => {
            ui::usage::show(&error);
            ExitCode::from(wrong_words(&error))
        }
    }
}
