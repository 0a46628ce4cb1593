package envelope

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"testing"

	"pgregory.net/rapid"
)

func TestMacIsTheStandardOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"))
		message := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "message")
		standard := hmac.New(sha256.New, key[:])
		standard.Write(message)
		room := rapid.SliceOfN(rapid.Byte(), macPad, macPad).Draw(t, "before")
		if got := macOver(append(room, message...), &key); !hmac.Equal(got[:], standard.Sum(nil)) {
			t.Fatalf("%x", got)
		}
	})
}

func TestExpandIsTheStandardOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := Key{prk: [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"))}
		info := rapid.SliceOfN(rapid.Byte(), 0, 700).Draw(t, "info")
		standard, err := hkdf.Expand(sha256.New, k.prk[:], "row:"+string(info), 32)
		if err != nil {
			t.Fatal(err)
		}
		if got := k.expand("row", info); string(got[:]) != string(standard) {
			t.Fatalf("%x", got)
		}
	})
}
