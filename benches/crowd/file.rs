//! Files of people, as another service would give them away.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use fake::{
    Fake,
    faker::name::raw::{FirstName, LastName},
    locales::EN,
    rand::{SeedableRng, rngs::StdRng},
};

/// Writes a file of so many people with the columns of a usual export; the same each time.
pub fn people(folder: &Path, count: u32) -> PathBuf {
    let path = folder.join(format!("people-{count}.csv"));
    let (mut file, mut random) = (BufWriter::new(File::create(&path).unwrap()), StdRng::seed_from_u64(1));
    writeln!(file, "id,first_name,last_name,email,gender,ip_address").unwrap();
    for n in 1..=count {
        let first: String = FirstName(EN).fake_with_rng(&mut random);
        let last: String = LastName(EN).fake_with_rng(&mut random);
        let name: String = format!("{first}.{last}")
            .to_lowercase()
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '.')
            .collect();
        let [a, b, c, d]: [u8; 4] = (0..=u32::MAX).fake_with_rng::<u32, _>(&mut random).to_be_bytes();
        let gender = if a < 128 { "Female" } else { "Male" };
        writeln!(file, "{n},{first},{last},{name}{n}@example.com,{gender},{a}.{b}.{c}.{d}").unwrap();
    }
    file.flush().unwrap();
    path
}

/// Writes a file of so many people, each with a password of his own.
pub fn with_passwords(folder: &Path, count: u32) -> PathBuf {
    let path = folder.join(format!("passwords-{count}.csv"));
    let mut file = BufWriter::new(File::create(&path).unwrap());
    writeln!(file, "id,full_name,email,password").unwrap();
    for n in 1..=count {
        writeln!(file, "{n},Ada Lovelace,h{n}@example.com,Correct-Horse-{n}-Battery").unwrap();
    }
    file.flush().unwrap();
    path
}
