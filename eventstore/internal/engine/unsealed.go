package engine

import (
	"crypto/rand"

	"github.com/duolog/duolog/eventstore/internal/envelope"
)

// Unsealed has the log store what it is given from here on without keys, encryption and hashes, in rows of the same size:
// the other half of a measurement. Nothing of it can be read again or verified.
func (l *Log) Unsealed() {
	row := &envelope.Sealed{}
	_, _ = rand.Read(row.KeyHash[:])
	_, _ = rand.Read(row.Hash[:])
	l.unsealed.Store(row)
}

// plain makes the rows of a call as they are.
func (l *Log) plain(c *call, like *envelope.Sealed) {
	c.rows, c.at = make([]*Row, len(c.events)), l.vault.stamp()
	rows, room := make([]Row, len(c.events)), make([]byte, c.size+len(c.events)*envelope.Overhead)
	for i := range c.events {
		ev := &c.events[i]
		n := len(ev.Data) + envelope.Overhead
		copy(room, ev.Data)
		rows[i] = Row{Event: ev, Key: dedupeKey(ev), Sealed: envelope.Sealed{Data: room[:n:n], KeyHash: like.KeyHash, Hash: like.Hash}}
		c.rows[i], room = &rows[i], room[n:]
	}
}
