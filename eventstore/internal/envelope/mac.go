package envelope

import "crypto/sha256"

// macPad is the room macOver wants in front of a message.
const macPad = sha256.BlockSize

// macOver is HMAC-SHA-256 of what follows b's first macPad bytes, which it overwrites. An event has keys of its own,
// each used once: crypto/hmac spends more on making one of them than on the message.
func macOver(b []byte, key *[32]byte) [32]byte {
	var outer [macPad + sha256.Size]byte
	for i := range macPad {
		var k byte
		if i < len(key) {
			k = key[i]
		}
		b[i], outer[i] = k^0x36, k^0x5c
	}
	inner := sha256.Sum256(b)
	copy(outer[macPad:], inner[:])
	return sha256.Sum256(outer[:])
}
