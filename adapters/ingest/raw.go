package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// wrapped is the body of a source.raw that JSON text cannot hold as it came.
type wrapped struct {
	Base64 []byte `json:"base64"`
}

// raw turns an event that cannot be stored as it is into a source.raw that holds its data in base64.
func (in *Ingest) raw(e eventstore.NewEvent, reason string) eventstore.NewEvent {
	var f domain.Fact
	_ = json.Unmarshal(e.Data, &f)
	return in.rawEvent(e, domain.Raw{System: in.System(), Vendor: plain(f.Vendor), Reason: reason, Body: e.Data})
}

// rawEvent fills e with a raw body. Its stream is the system's, its subject its own, so that it can be erased alone,
// unless the record it belongs to is known.
func (in *Ingest) rawEvent(e eventstore.NewEvent, r domain.Raw) eventstore.NewEvent {
	if id, ok := strings.CutPrefix(e.Stream, string(in.System())+"/contact/"); !ok || !goodID(id) {
		e.Stream, e.Subject = string(in.System())+"/raw", "raw/"+e.ID.String()
	}
	e.Schema = domain.SchemaOf(domain.SourceRaw)
	e.Type, r.System, r.Vendor, r.Reason = domain.SourceRaw, in.System(), plain(r.Vendor), plain(r.Reason)
	data, err := encode(r)
	if err != nil || len(r.Body) == 0 || !goodText(data) {
		r.Body, _ = encode(wrapped{Base64: r.Body})
		data, _ = encode(r)
	}
	e.Data = data
	return e
}

// salvage writes down a fact that does not marshal, byte for byte as the adapter gave it: one property a line.
func salvage(a adapters.Arrival) []byte {
	var b bytes.Buffer
	properties := a.Fact.Properties
	if a.Activity != nil {
		properties = a.Activity.Properties
	}
	for name, value := range properties {
		fmt.Fprintf(&b, "%q %s\n", name, value)
	}
	return b.Bytes()
}

// encode is the one JSON form of payloads: no HTML escapes, map keys sorted, values as delivered.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// goodText reports whether JSON text can go through every database and system: valid UTF-8 and no NUL, also not an
// escaped one.
func goodText(data []byte) bool {
	if !utf8.Valid(data) {
		return false
	}
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case 0:
			return false
		case '\\':
			if bytes.HasPrefix(data[i+1:], []byte("u0000")) {
				return false
			}
			i++ // whatever is escaped, a second backslash above all, starts no escape itself
		}
	}
	return true
}

// goodID reports whether a record id may stand in a stream name: never an email, a phone with a plus, or a space.
func goodID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// plain makes a short vendor text fit for a text column.
func plain(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	for i := range s {
		if i > 200 {
			return s[:i]
		}
	}
	return s
}
