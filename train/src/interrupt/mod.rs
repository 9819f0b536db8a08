//! Ctrl-C: the first asks the run to stop after a checkpoint, the second ends the program at once.
//!
//! In: the interrupt signal. Out: a flag the training loop reads between updates.
//! Always: the handler is installed once per process; asking for it again gives the same flag.
//! Not here: the checkpoint itself (the train command).

use crate::fault::Fault;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Exit code of a run that was interrupted.
pub const EXIT_INTERRUPTED: u8 = 130;

/// Whether somebody pressed Ctrl-C.
#[derive(Debug, Clone, Copy)]
pub struct Interrupt {
    signals: &'static AtomicU32,
}

impl Interrupt {
    /// Takes over Ctrl-C.
    ///
    /// # Errors
    /// A [`Fault`] if the system refuses the handler.
    pub fn install() -> Result<Self, Fault> {
        static SIGNALS: AtomicU32 = AtomicU32::new(0);
        static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
        let interrupt = Self { signals: &SIGNALS };
        let installed = INSTALLED.get_or_init(|| {
            ctrlc::set_handler(move || {
                if interrupt.note() > 1 {
                    std::process::exit(i32::from(EXIT_INTERRUPTED));
                }
                eprintln!(
                    "\ninterrupted: stopping after this update and a checkpoint; press Ctrl-C again to stop at once"
                );
            })
            .map_err(|error| error.to_string())
        });
        match installed {
            Ok(()) => Ok(interrupt),
            Err(reason) => Err(Fault::new("Ctrl-C", format!("the handler cannot be installed: {reason}"))
                .hint("run in a shell of its own")),
        }
    }

    /// Whether the run is asked to stop.
    pub fn requested(&self) -> bool {
        self.signals.load(Ordering::SeqCst) > 0
    }

    /// Asks the run to stop as the first signal would.
    pub fn request(&self) {
        self.signals.fetch_max(1, Ordering::SeqCst);
    }

    /// Counts a signal and tells how many there were.
    fn note(&self) -> u32 {
        self.signals.fetch_add(1, Ordering::SeqCst) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_first_signal_sets_the_flag_and_the_process_lives_on() {
        let interrupt = Interrupt::install().unwrap();
        let again = Interrupt::install().unwrap();
        assert!(!interrupt.requested());
        let pid = std::process::id().to_string();
        assert!(std::process::Command::new("sh").args(["-c", &format!("kill -INT {pid}")]).status().unwrap().success());
        for _ in 0..200 {
            if again.requested() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert!(interrupt.requested() && again.requested());
    }

    #[cfg(unix)]
    #[test]
    fn the_second_signal_ends_the_program_with_130() {
        // The test runs itself as the program that is interrupted.
        const CHILD: &str = "FLEXAI_INTERRUPT_CHILD";
        let name = "interrupt::tests::the_second_signal_ends_the_program_with_130";
        if std::env::var_os(CHILD).is_some() {
            let interrupt = Interrupt::install().unwrap();
            let kill = format!("kill -INT {}", std::process::id());
            let mut sent = 0;
            loop {
                if sent == usize::from(interrupt.requested()) {
                    std::process::Command::new("sh").args(["-c", &kill]).status().unwrap();
                    sent += 1;
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
        let program = std::env::current_exe().unwrap();
        let output = std::process::Command::new(program).args(["--exact", name]).env(CHILD, "1").output().unwrap();
        assert_eq!(output.status.code(), Some(130));
    }
}
