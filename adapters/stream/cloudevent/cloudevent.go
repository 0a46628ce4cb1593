// Package cloudevent writes events of the log as CloudEvents 1.0 in JSON, with as much of personal values as the reader
// may see.
package cloudevent

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/duolog/duolog/eventstore"
)

const micros = "2006-01-02T15:04:05.000000Z"

// What of personal values an event is written with.
const (
	IDs    = "ids"    // records and property names
	Masked = "masked" // values, cut down to a hint
	Full   = "full"
)

// Position is the type of a mark: nothing happened, but a reader has seen everything up to it.
const Position = "duolog.position"

// ContentType is that of one event.
const ContentType = "application/cloudevents+json"

// Encoder appends events as CloudEvents 1.0 JSON, one a line. It writes the JSON itself, into one buffer a page: the
// SDK would take most of a core at the rates a feed is read with.
type Encoder struct {
	source     string // "/duolog/<log id>/<connection>"
	log        string
	generation string
	data       string // IDs, Masked or Full
}

// New returns the encoder of a connection's log for a reader who may see so much of personal values.
func New(connection string, head eventstore.Head, data string) Encoder {
	return Encoder{
		source:     "/duolog/" + head.LogID.String() + "/" + connection,
		log:        head.LogID.String(),
		generation: strconv.FormatInt(head.Generation, 10),
		data:       data,
	}
}

// Checkpoint names the position in this log and generation: "log:generation:position".
func (enc Encoder) Checkpoint(position int64) string {
	return enc.log + ":" + enc.generation + ":" + strconv.FormatInt(position, 10)
}

// Mark appends a CloudEvent that only says how far a reader has come, and a newline.
func (enc Encoder) Mark(b []byte, position int64) []byte {
	b = append(b, `{"specversion":"1.0","id":"`...)
	b = append(b, enc.Checkpoint(position)...)
	b = appendText(append(b, `","source":`...), enc.source)
	b = append(b, `,"type":"`+Position+`","sequence":"`...)
	b = strconv.AppendInt(b, position, 10)
	b = append(append(b, `","generation":"`...), enc.generation...)
	return append(b, "\"}\n"...)
}

// Frame appends the event as a server-sent event, whose id is its checkpoint.
func (enc Encoder) Frame(b []byte, e eventstore.Event) []byte {
	b = append(append(b, "id: "...), enc.Checkpoint(e.Position)...)
	return append(enc.Line(append(b, "\ndata: "...), e), '\n') // the line brings a newline of its own
}

// Line appends the event and a newline. Extension names hold lower-case letters and digits only, and positions are
// strings: an integer of CloudEvents has 32 bits.
func (enc Encoder) Line(b []byte, e eventstore.Event) []byte {
	b = append(b, `{"specversion":"1.0","id":"`...)
	b = append(b, e.ID.String()...)
	b = appendText(append(b, `","source":`...), enc.source)
	b = appendText(append(b, `,"type":`...), e.Type)
	b = appendText(append(b, `,"subject":`...), e.Stream)
	b = appendTime(append(b, `,"time":"`...), e.RecordedAt)
	b = appendTime(append(b, `","occurredat":"`...), e.OccurredAt)
	b = strconv.AppendInt(append(b, `","sequence":"`...), e.Position, 10)
	b = append(append(b, `","generation":"`...), enc.generation...)
	b = appendText(append(b, `","partitionkey":`...), e.Stream)
	b = appendText(append(b, `,"actor":`...), e.Actor)
	b = strconv.AppendInt(append(b, `,"schema":`...), int64(e.Schema), 10)
	if e.Causation != 0 {
		b = strconv.AppendInt(append(b, `,"causation":"`...), e.Causation, 10)
		b = append(b, '"')
	}
	return append(enc.payload(b, e), "}\n"...)
}

func (enc Encoder) payload(b []byte, e eventstore.Event) []byte {
	if e.Erased {
		return append(b, `,"erased":true`...)
	}
	data := e.Data
	switch enc.data {
	case Full:
	case Masked:
		b = append(b, `,"fields":"masked"`...)
		data = maskedOf(e.Type, data)
	default:
		b = append(b, `,"fields":"ids"`...)
		data = idsOf(e.Type, data)
	}
	if len(e.Data) == 0 { // the reader has no key
		return b
	}
	b = append(b, `,"datacontenttype":"application/json","data":`...)
	return append(b, oneLine(data)...)
}

// oneLine keeps the feed a line an event, whatever white space a payload was stored with.
func oneLine(data []byte) []byte {
	if bytes.IndexByte(data, '\n') < 0 {
		return data
	}
	var out bytes.Buffer
	if err := json.Compact(&out, data); err != nil {
		return []byte("null")
	}
	return out.Bytes()
}

func appendTime(b []byte, us int64) []byte {
	return time.UnixMicro(us).UTC().AppendFormat(b, micros)
}

// appendText appends s as a JSON string; nearly all need no escape.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, _ := json.Marshal(s) // a string always marshals
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
