package httpapi

import (
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

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
