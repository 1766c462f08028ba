//! The `signbridge` program: reads the command line and runs the command.

fn main() -> std::process::ExitCode {
    signbridge::main()
}
