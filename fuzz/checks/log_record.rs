//! Records of the log: any bytes are read or refused; what is read is written and read the same.

use postroom_store::log::record::Record;

pub(crate) fn check(bytes: &[u8]) {
    if let Ok(record) = Record::decode(bytes) {
        let mut written = Vec::new();
        record.put(&mut written);
        assert_eq!(Record::decode(&written), Ok(record));
    }
}
