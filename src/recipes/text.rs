//! Formats of other programs that no library here writes: lines of an ini file, lines of an environment file, and shell
//! commands.

use std::borrow::Cow;

/// `key = value` lines below `[section]`.
pub(super) fn ini(section: &str, pairs: &[(&str, String)]) -> String {
    let lines: String = pairs.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
    format!("[{section}]\n{lines}")
}

/// `PREFIX_KEY=value` lines, the value to the letter: the format that `docker run --env-file`, compose's `env_file` and
/// systemd's `EnvironmentFile` have in common. A shell would read the values differently.
pub(super) fn environment(prefix: &str, pairs: &[(&str, String)]) -> String {
    pairs.iter().map(|(key, value)| format!("{prefix}_{}={value}\n", key.to_ascii_uppercase())).collect()
}

/// A command for a POSIX shell, one argument a line.
pub(super) fn command(program: &str, arguments: &[String]) -> String {
    let lines: Vec<Cow<'_, str>> = arguments.iter().map(|argument| shell_word(argument)).collect();
    format!("{program} \\\n  {}\n", lines.join(" \\\n  "))
}

/// One word of a POSIX shell command (POSIX.1-2024, Shell Command Language §2.2.2).
fn shell_word(text: &str) -> Cow<'_, str> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte));
    if plain && !text.is_empty() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_each_argument_as_it_was_meant() {
        assert_eq!(shell_word("--url=https://a.example/x?y"), "'--url=https://a.example/x?y'");
        assert_eq!(shell_word("--url=https://a.example/x"), "--url=https://a.example/x");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word("$(x)"), "'$(x)'");
        assert_eq!(shell_word(""), "''");
        assert_eq!(command("p a", &["--b".into(), "c d".into()]), "p a \\\n  --b \\\n  'c d'\n");
    }

    #[test]
    fn one_list_of_settings_makes_both_files() {
        let pairs = [("use_pkce", "true".to_owned()), ("name", "a b".to_owned())];
        assert_eq!(ini("auth.x", &pairs), "[auth.x]\nuse_pkce = true\nname = a b\n");
        assert_eq!(environment("GF_AUTH_X", &pairs), "GF_AUTH_X_USE_PKCE=true\nGF_AUTH_X_NAME=a b\n");
    }
}
