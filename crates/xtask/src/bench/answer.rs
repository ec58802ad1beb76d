//! What an engine returned, as it reports it, and its digest.

use serde::{Deserialize, Serialize};

use super::workload::Expected;
use crate::process::Result;

/// Sums per column that do not depend on the order of rows; `benches/peers/answer.py` has the rules.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub(crate) struct Answer {
    pub(crate) rows: u64,
    columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
struct Column {
    name: String,
    nulls: u64,
    sum: String,
    keyed: String,
}

impl Answer {
    /// 64-bit FNV-1a of one line per column, in the order of the columns.
    pub(crate) fn digest(&self) -> String {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for column in &self.columns {
            let Column {
                name,
                nulls,
                sum,
                keyed,
            } = column;
            for byte in format!("{name} {nulls} {sum} {keyed}\n").bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
        format!("{hash:016x}")
    }

    /// Says in which columns this answer is not the `right` one.
    pub(crate) fn check(&self, right: &Expected) -> Result<()> {
        if self.rows != right.rows {
            return Err(format!("{} rows instead of {}", self.rows, right.rows));
        }
        match self.digest() {
            digest if digest == right.digest => Ok(()),
            digest => Err(format!(
                "digest {digest} instead of {}: {self:?}",
                right.digest
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(sum: &str) -> Answer {
        let column = Column {
            name: "a".into(),
            nulls: 0,
            sum: sum.into(),
            keyed: "7".into(),
        };
        Answer {
            rows: 1,
            columns: vec![column],
        }
    }

    #[test]
    fn another_sum_is_another_digest() {
        let right = Expected {
            rows: 1,
            digest: answer("5").digest(),
        };
        assert_eq!(answer("5").check(&right), Ok(()));
        let wrong = answer("6").check(&right).expect_err("another sum");
        assert!(wrong.starts_with("digest "), "{wrong}");
        let right = Expected { rows: 2, ..right };
        assert_eq!(
            answer("5").check(&right),
            Err("1 rows instead of 2".to_owned())
        );
    }
}
