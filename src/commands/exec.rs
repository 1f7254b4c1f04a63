//! `exec`: a command on the server, as the app runs.

use super::{Cx, flow};
use crate::cli::ExecArgs;
use crate::deploy::exec::{self, Request};
use crate::model::event::Events;
use crate::model::failure::{Failure, Kind, Outcome};

/// Runs it, and ends with its exit code.
pub async fn run(cx: &Cx<'_>, args: &ExecArgs) -> Outcome<u8> {
    if cx.ui.is_json() {
        return Err(Failure::msg(Kind::Usage, "`exec` has no --json: stdout is the command's own")
            .hint(cx.ui.command("exec --help")));
    }
    let (stdin, all) = cx.ui.terminals();
    if args.tty && !stdin {
        return Err(Failure::msg(Kind::Usage, "--tty needs a terminal, and stdin is none")
            .hint("leave it out: the command gets what stdin has"));
    }
    let (events, receiver) = Events::channel();
    let (run, mut interrupts) = flow(cx, events, None)?;
    let request = Request {
        command: &args.command,
        terminal: args.tty || (all && !args.no_tty),
        // What a person types goes nowhere without a terminal there.
        reads: !stdin,
    };
    let code = cx.ui.attend(receiver, exec::exec(&run, request, &mut interrupts)).await?;
    Ok(code)
}
