//! Records of the log: any bytes are read or refused; what is read is written and read the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom_store::log::record::Record;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = Record::decode(bytes) {
        let mut written = Vec::new();
        record.put(&mut written);
        assert_eq!(Record::decode(&written), Ok(record));
    }
});
