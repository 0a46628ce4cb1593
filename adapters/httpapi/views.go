package httpapi

import (
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// Encoder writes events as the feed does, for who reads the log without a server.
type Encoder struct{ enc encoder }

// NewEncoder returns the encoder of a connection's log, for a reader that may see values.
func NewEncoder(connection string, head eventstore.Head) Encoder {
	return Encoder{newEncoder(connection, head, DataFull)}
}

// Append appends the event as CloudEvents 1.0 JSON and a newline.
func (e Encoder) Append(b []byte, event eventstore.Event) []byte { return e.enc.line(b, event) }

// Listed returns rows of the outbox as the API shows them.
func Listed(entries []outbox.Entry) []Command { return commandsOf(entries) }

// NotTakenIn returns lines of the ring as the API shows them.
func NotTakenIn(lines []ingest.Line) []NotTaken {
	all := make([]NotTaken, len(lines))
	for i, l := range lines {
		all[i] = notTaken(l)
	}
	return all
}
