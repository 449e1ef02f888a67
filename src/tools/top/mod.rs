//! `larder top`: a live view, of larder or of a plain memcached.
//!
//! Three parts: [`poll`] asks once a second on a thread of its own, [`state`] is what is known and how it is to be shown,
//! and [`draw`] makes a screen of that and of nothing else. Here is the loop between them. The terminal is given back
//! however it ends: by a key, a signal, an error or a panic.

mod draw;
mod poll;
mod state;

use super::Style;
use super::address::Address;
use super::client::ToolError;
use nix::sys::signal::{SigSet, Signal};
use poll::Update;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use state::{Action, State};
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread;
use std::time::Duration;

/// How long what has come from the server may wait for its turn.
const INPUT_POLL: Duration = Duration::from_millis(100);

/// Between two looks whether the terminal is still there.
const HANG_UP_CHECK: Duration = Duration::from_secs(1);

/// Shows the view until its reader has seen enough.
pub fn run(address: &Address) -> Result<(), ToolError> {
    if !io::stdout().is_terminal() {
        return Err(ToolError::NoTerminal);
    }
    let (sender, updates) = mpsc::channel();
    stop_by_signal(sender.clone())?;
    end_with_terminal();
    let _polling = poll::start(address, sender);
    let mut terminal = ratatui::try_init()?;
    let ended = show(&mut terminal, &updates, State::new(address.to_string(), Style::of_stdout()));
    ratatui::try_restore()?;
    ended
}

/// Prints one JSON object a second until the server is gone or nobody reads.
pub fn print(address: &Address, out: &mut impl Write) -> Result<(), ToolError> {
    let (sender, updates) = mpsc::channel();
    let _polling = poll::start(address, sender);
    let mut state = State::new(address.to_string(), Style { unicode: false });
    for updates in updates {
        if let Update::ConnectionLost(error) = updates {
            return Err(error);
        }
        state.take(updates);
        out.write_all(state.json().as_bytes())?;
        out.flush()?;
    }
    Ok(())
}

fn show(
    terminal: &mut DefaultTerminal,
    updates: &Receiver<Update>,
    mut state: State,
) -> Result<(), ToolError> {
    let mut changed = true;
    loop {
        if changed {
            terminal.draw(|frame| draw::draw(frame, &state))?;
        }
        changed = false;
        if event::poll(INPUT_POLL)? {
            match event::read()? {
                Event::Key(key) => match state.press(key) {
                    Action::Quit => return Ok(()),
                    Action::Draw => changed = true,
                    Action::Nothing => {}
                },
                Event::Resize(..) => changed = true,
                _ => {}
            }
        }
        loop {
            match updates.try_recv() {
                Ok(Update::Stop) => return Ok(()),
                Ok(updates) => {
                    state.take(updates);
                    changed = true;
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    return Err(io::Error::other("nobody asks any more").into());
                }
            }
        }
    }
}

/// Ends the program when its terminal is gone. The loop would not: crossterm 0.29 reads a terminal that hung up over and
/// over, without a pause or an error.
fn end_with_terminal() {
    thread::spawn(|| {
        while io::stdout().is_terminal() {
            thread::park_timeout(HANG_UP_CHECK);
        }
        std::process::exit(1);
    });
}

/// Lets the signals that end a program end the view in order. Called before other threads are started, because each
/// thread has its own mask.
fn stop_by_signal(sender: Sender<Update>) -> io::Result<()> {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    signals.thread_block()?;
    thread::spawn(move || {
        if signals.wait().is_ok() {
            // The view is over already if nobody listens.
            let _ = sender.send(Update::Stop);
        }
    });
    Ok(())
}
