package treehead_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/duolog/duolog/eventstore/treehead"
)

// sample is a head as it was published once: it must be read for ever.
const sample = `duolog/01JDB3QZ5N8X4S2V7T9W1C6EGH/2
5212
PAb5plclr2BSYfY2ZyyWINQJcx2JpFHXRV/pxK4WeCk=
connection default
time 2026-11-19T09:22:04.000125Z

— duolog-default zVN/nFobOo9S//N9QybN8HWgXG7rsZeY+Hz1n+tTFTzBElHRyo9HJZUqLjuuy5cDB168lxXjbe50C9RYyK8pjdRi7AU=
`

const sampleKey = "duolog-default+cd537f9c+AUy1q/atefv1q7zK/MJp2FzSZR7UuIW1hp8kGu3wpbop"

func key(t *testing.T, connection string, secret byte) (treehead.Key, note.Verifier) {
	t.Helper()
	k, err := treehead.NewKey(connection, append(make([]byte, 31), secret))
	if err != nil {
		t.Fatal(err)
	}
	v, err := treehead.Verifier(k.Public() + "\n")
	if err != nil {
		t.Fatal(err)
	}
	return k, v
}

func head() treehead.Head {
	return treehead.Head{
		LogID: ulid.MustParseStrict("01JDB3QZ5N8X4S2V7T9W1C6EGH"), Generation: 2, Connection: "default", Size: 5212,
		Root: tlog.RecordHash([]byte("root")), At: 1795080124000125,
	}
}

func TestHeadKeepsItsForm(t *testing.T) {
	k, v := key(t, "default", 1)
	signed, err := head().Sign(k)
	if err != nil {
		t.Fatal(err)
	}
	if signed != sample || k.Public() != sampleKey {
		t.Errorf("signed\n%s\nby %s", signed, k.Public())
	}
	if got, err := treehead.Open(sample, v); err != nil || got != head() {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := treehead.Parse(sample); err != nil || got != head() {
		t.Errorf("%+v, %v", got, err)
	}
	if id := treehead.ID(v); !strings.HasPrefix(sampleKey, id+"+") {
		t.Errorf("id %s", id)
	}
}

func TestOpenRefuses(t *testing.T) {
	_, v := key(t, "default", 1)
	_, other := key(t, "default", 2)
	if _, err := treehead.Open(sample, other); err == nil {
		t.Error("a signature by another key")
	}
	if _, err := treehead.Open(strings.Replace(sample, "5212", "5213", 1), v); err == nil {
		t.Error("another size under the same signature")
	}
	for _, text := range []string{
		"", "5212", strings.Replace(sample, "5212", "05212", 1), strings.Replace(sample, "duolog/", "other/", 1),
		strings.Replace(sample, "time ", "time  ", 1), strings.Replace(sample, "connection default\n", "", 1),
	} {
		if _, err := treehead.Parse(text); !errors.Is(err, treehead.ErrMalformed) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, public := range []string{"", "duolog-default", strings.Replace(sampleKey, "cd53", "dd53", 1)} {
		if _, err := treehead.Verifier(public); err == nil {
			t.Errorf("public key %q", public)
		}
	}
}
