//! `larder top`: a live view of larder or of a plain memcached.
//!
//! [`poll`] requests statistics once a second, on a thread of its own. [`state`] contains the data and the view
//! settings, and [`draw`] draws them. This file contains the loop. The terminal is restored after a key press, a
//! signal, an error or a panic.

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

/// How long the loop waits for a key press before it looks for updates.
const INPUT_POLL: Duration = Duration::from_millis(100);

/// Time between two checks whether the terminal still exists.
const HANG_UP_CHECK: Duration = Duration::from_secs(1);

/// Shows the view until the user quits.
pub fn run(address: &Address) -> Result<(), ToolError> {
    if !io::stdout().is_terminal() {
        return Err(ToolError::NoTerminal);
    }
    let (sender, updates) = mpsc::channel();
    stop_by_signal(sender.clone())?;
    exit_with_terminal();
    let _polling = poll::start(address, sender);
    let mut terminal = ratatui::try_init()?;
    let result = show(&mut terminal, &updates, State::new(address.to_string(), Style::of_stdout()));
    ratatui::try_restore()?;
    result
}

/// Prints one JSON object per second until the server or the reader is gone.
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
                    return Err(io::Error::other("the polling thread has ended").into());
                }
            }
        }
    }
}

/// Exits when the terminal is gone. The loop cannot: after a hangup, crossterm 0.29 reads the terminal again and again,
/// without a pause or an error.
fn exit_with_terminal() {
    thread::spawn(|| {
        while io::stdout().is_terminal() {
            thread::park_timeout(HANG_UP_CHECK);
        }
        std::process::exit(1);
    });
}

/// Turns termination signals into a stop of the view. Called before other threads are started, because each thread has
/// its own signal mask.
fn stop_by_signal(sender: Sender<Update>) -> io::Result<()> {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    signals.thread_block()?;
    thread::spawn(move || {
        if signals.wait().is_ok() {
            // The view has ended if the receiver is gone.
            let _ = sender.send(Update::Stop);
        }
    });
    Ok(())
}
