// Package export writes events into a file that proves itself, and checks such a file. The check needs the file and
// the log's public key, and nothing of the database.
//
// Format, for ever. A file is lines of JSON:
//
//	{"duolog_export":1, …}   what it holds, the signed head its proofs end in, and the public key
//	{"specversion":"1.0", …} one CloudEvent an event, in position order
//	{"duolog_export":1,"end":"…"} a signed note: number and positions of the events, SHA-256 of all lines before
//
// Each event carries its sealed bytes, the digest of the key that sealed them, and the audit path (RFC 6962) from its
// leaf to the head's root. One that is disclosed carries its key as well, and the data that opens with it; that key
// opens no other event. One whose person was erased carries neither: that it was there still verifies.
package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/duolog/duolog/eventstore"
)

const (
	version    = 1
	timeLayout = "2006-01-02T15:04:05.000000Z"
)

// Header is the first line.
type Header struct {
	Version    int    `json:"duolog_export"`
	Connection string `json:"connection"`
	LogID      string `json:"log_id"`
	Generation int64  `json:"generation"`
	Scope      string `json:"scope"`
	From       int64  `json:"from"`
	Through    int64  `json:"through"`
	Head       string `json:"head"`
	Key        string `json:"key"`
}

// ending is the last line.
type ending struct {
	Version int    `json:"duolog_export"`
	End     string `json:"end"`
}

// line is an event. Extensions of CloudEvents have lower-case names.
type line struct {
	SpecVersion string `json:"specversion"`
	ID          string `json:"id"`
	Source      string `json:"source"`
	Type        string `json:"type"`
	Subject     string `json:"subject"` // the stream
	Time        string `json:"time"`    // recorded
	OccurredAt  string `json:"occurredat,omitempty"`
	Sequence    string `json:"sequence"`
	Generation  string `json:"generation"`
	Actor       string `json:"actor"`
	Schema      int64  `json:"schema"`
	Causation   string `json:"causation,omitempty"`
	DataSubject string `json:"datasubject"` // whose key sealed it
	Sealed      []byte `json:"sealed"`
	KeyHash     []byte `json:"keyhash"`
	Proof       []byte `json:"proof"`
	EventKey    []byte `json:"eventkey,omitempty"`
	Erased      bool   `json:"erased,omitempty"`

	DataContentType string          `json:"datacontenttype,omitempty"`
	Data            json.RawMessage `json:"data,omitempty"`
}

// encode writes the only form a line has.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write line: %w", err)
	}
	return b.Bytes(), nil
}

func source(connection string, head eventstore.Head) string {
	return "/duolog/" + head.LogID.String() + "/" + connection
}

// ending text: what is signed at the end of a file.
func endText(origin string, positions []span, events int64, sum []byte) string {
	return fmt.Sprintf("%s\nexport %d\nevents %d\npositions %s\nsha256 %x\n", origin, version, events, spans(positions), sum)
}

// span is a run of positions.
type span struct{ first, last int64 }

// extend adds a position, higher than those before.
func extend(all []span, position int64) []span {
	if n := len(all); n > 0 && all[n-1].last == position-1 {
		all[n-1].last = position
		return all
	}
	return append(all, span{position, position})
}

// spans writes positions as 1-5,8.
func spans(all []span) string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = strconv.FormatInt(s.first, 10)
		if s.last > s.first {
			texts[i] += "-" + strconv.FormatInt(s.last, 10)
		}
	}
	return strings.Join(texts, ",")
}

// parseSpans reverses spans.
func parseSpans(text string) ([]span, error) {
	var all []span
	if text == "" {
		return nil, nil
	}
	for _, part := range strings.Split(text, ",") {
		first, last, both := strings.Cut(part, "-")
		if !both {
			last = first
		}
		a, errFirst := strconv.ParseInt(first, 10, 64)
		b, errLast := strconv.ParseInt(last, 10, 64)
		if errFirst != nil || errLast != nil || b < a {
			return nil, fmt.Errorf("%q is no run of positions", part)
		}
		all = append(all, span{a, b})
	}
	return all, nil
}
