//! The rules for names of attached files.

use super::text::is_blank;

/// The extensions that Altinn accepts, in any case (code 2013).
pub const FILE_TYPES: [&str; 20] = [
    "doc", "xls", "docx", "xlsx", "ppt", "pps", "zip", "pdf", "html", "txt", "xml", "jpg", "jpeg",
    "gif", "bmp", "png", "json", "csv", "dcm", "dicom",
];

/// The code of the first fault that Altinn would find in a file name: 2010 missing, 2013 type, 2012 characters, 2021 reserved. The order is the server's.
///
/// A name of more than 255 characters is refused earlier, by model validation.
pub fn file_name_problem(name: &str) -> Option<u16> {
    if is_blank(name) {
        return Some(2010);
    }
    // The type comes before the characters, so that `a/b` without an extension has the wrong type.
    if !has_allowed_type(name) {
        return Some(2013);
    }
    if name.chars().any(is_illegal) {
        return Some(2012);
    }
    is_reserved(name).then_some(2021)
}

fn has_allowed_type(name: &str) -> bool {
    // The server takes the extension of the last part of a path, and only then refuses the `/` (2012).
    let last = name.rsplit('/').next().unwrap_or(name);
    last.rsplit_once('.').is_some_and(|(_, extension)| {
        FILE_TYPES
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(extension))
    })
}

fn is_illegal(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{1f}' | '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*'
    )
}

/// True for the name of a Windows device, alone or followed by a dot.
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name);
    let device = |device: &str| stem.eq_ignore_ascii_case(device);
    if ["CON", "PRN", "AUX", "NUL"].into_iter().any(device) {
        return true;
    }
    match stem.as_bytes() {
        [port @ .., b'1'..=b'9'] => {
            port.eq_ignore_ascii_case(b"COM") || port.eq_ignore_ascii_case(b"LPT")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_altinn_takes() {
        for name in [
            "vedtak.pdf",
            "VEDTAK.PDF",
            ".pdf",
            "blåbær & co (1).docx",
            "a.b.csv",
            "CONNECTION.txt",
            "NO_CON.txt",
            "COM0.txt",
            "COM10.txt",
            "x.CON.txt",
        ] {
            assert_eq!(file_name_problem(name), None, "{name}");
        }
        for extension in FILE_TYPES {
            assert_eq!(file_name_problem(&format!("a.{extension}")), None);
        }
    }

    #[test]
    fn every_character_and_every_device_is_refused() {
        let code = file_name_problem;
        let controls = (0..0x20).filter_map(char::from_u32);
        for character in "<>:\"/\\|?*".chars().chain(controls) {
            let name = format!("a{character}b.pdf");
            assert_eq!(code(&name), Some(2012), "{name:?}");
        }
        for character in " !#%&'()+,-;=@[]^_`{}~\u{7f}å\u{1F600}".chars() {
            let name = format!("a{character}b.pdf");
            assert_eq!(code(&name), None, "{name:?}");
        }
        let devices = ["CON", "PRN", "AUX", "NUL"].map(str::to_owned);
        let ports = (1..10).flat_map(|port| [format!("COM{port}"), format!("LPT{port}")]);
        for device in devices.into_iter().chain(ports) {
            let name = format!("{device}.pdf");
            assert_eq!(code(&name), Some(2021), "{name}");
            assert_eq!(code(&name.to_lowercase()), Some(2021), "{name}");
            assert_eq!(code(&format!("{device}x.pdf")), None, "{device}x");
            assert_eq!(code(&format!("x{device}.pdf")), None, "x{device}");
        }
    }

    #[test]
    fn names_altinn_refuses_get_the_first_code() {
        for (name, code) in [
            ("", 2010),
            (" \t", 2010),
            ("vedtak", 2013),
            ("vedtak.", 2013),
            ("vedtak.pptx", 2013),
            ("vedtak.odt", 2013),
            ("vedtak.md", 2013),
            ("a/b", 2013),
            ("a.pdf/b", 2013),
            ("a/b.pdf", 2012),
            ("a?.pdf", 2012),
            ("a\u{1f}.pdf", 2012),
            ("CON?.pdf", 2012),
            ("con.pdf", 2021),
            ("Lpt9.tar.zip", 2021),
            ("com1.txt", 2021),
            ("NUL.txt", 2021),
        ] {
            let found = file_name_problem(name);
            assert_eq!(found, Some(code), "{name}");
        }
    }
}
