//! AES-256-GCM with a random 96-bit nonce in front: `nonce (12) | ciphertext | tag (16)`.

use crate::secret::Secret;
use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

/// Bytes of a nonce (NIST SP 800-38D §8.2.2: 96 random bits; a row key seals far fewer than 2^32 values).
pub(crate) const NONCE_LEN: usize = 12;
/// Bytes of a tag.
pub(crate) const TAG_LEN: usize = 16;

/// A ciphertext does not open under this key and these additional data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DoesNotOpen;

/// A fresh nonce from the operating system.
pub(crate) fn nonce() -> Result<[u8; NONCE_LEN], getrandom::Error> {
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce)?;
    Ok(nonce)
}

/// Appends `nonce | ciphertext | tag` to `out`.
pub(crate) fn seal_into(out: &mut Vec<u8>, key: &Secret, nonce: [u8; NONCE_LEN], aad: &[u8], plain: &[u8]) {
    out.reserve_exact(NONCE_LEN + plain.len() + TAG_LEN);
    out.extend_from_slice(&nonce);
    let start = out.len();
    out.extend_from_slice(plain);
    let tag = Aes256Gcm::new(key.as_bytes().into())
        .encrypt_inout_detached(&nonce.into(), aad, out[start..].as_mut().into())
        .expect("a value below GCM's limit of 64 GiB");
    out.extend_from_slice(&tag);
}

/// Opens `nonce | ciphertext | tag`.
pub(crate) fn open(key: &Secret, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(DoesNotOpen)?;
    let (text, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(DoesNotOpen)?;
    let mut plain = Zeroizing::new(text.to_vec());
    Aes256Gcm::new(key.as_bytes().into())
        .decrypt_inout_detached(&(*nonce).into(), aad, plain.as_mut_slice().into(), &(*tag).into())
        .map_err(|_| DoesNotOpen)?;
    Ok(plain)
}
