package contacts

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

// keyRun is rows of contact_key to be written. Their order in its index is random to that of the records, so all of them
// are brought into it first: neighbours there are written one after the other, in half the time. There are several for
// each record, so they are kept small until then.
type keyRun struct {
	has, more, lost []keyOf // of records the table has not, of others, and to be removed
	streams         []string
}

// keyOf is a blind key and the number of its record.
type keyOf struct {
	key    [keySize]byte
	stream uint32
}

// compare compares the keys as bytes, eight at a time.
func (a *keyOf) compare(b *keyOf) int {
	if c := cmp.Compare(binary.BigEndian.Uint64(a.key[:8]), binary.BigEndian.Uint64(b.key[:8])); c != 0 {
		return c
	}
	return cmp.Compare(binary.BigEndian.Uint64(a.key[8:]), binary.BigEndian.Uint64(b.key[8:]))
}

// keyRunLength is the number of rows from which a run is written: 20 MiB of them. keyChunk of them are made at once.
const (
	keyRunLength = 1 << 20
	keyChunk     = 5000
)

// newKeyRun has room for the keys of so many records, as most have them.
func newKeyRun(records int) keyRun {
	return keyRun{has: make([]keyOf, 0, min(5*records, keyRunLength)), streams: make([]string, 0, records)}
}

func (k *keyRun) long() bool { return len(k.has)+len(k.more)+len(k.lost) >= keyRunLength }

// add takes in what to write of a record's keys, and what to remove.
func (k *keyRun) add(r *record) {
	number := uint32(len(k.streams))
	k.streams = append(k.streams, r.stream)
	into := &k.has
	if r.stored {
		into = &k.more
	}
	for _, key := range without(r.keys, r.tabled) {
		*into = append(*into, keyOf{[keySize]byte([]byte(key)), number})
	}
	for _, key := range without(r.tabled, r.keys) {
		k.lost = append(k.lost, keyOf{[keySize]byte([]byte(key)), number})
	}
}

// sorted brings the run into order, beside what is done until it is asked for.
func (k keyRun) sorted() func() keyRun {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, keys := range [][]keyOf{k.has, k.more, k.lost} {
			slices.SortFunc(keys, func(a, b keyOf) int {
				if c := a.compare(&b); c != 0 {
					return c
				}
				return strings.Compare(k.streams[a.stream], k.streams[b.stream])
			})
		}
	}()
	return func() keyRun {
		<-done
		return k
	}
}

// emit hands out a run that is in order.
func (k keyRun) emit(o *folder, emit func(...projections.Batch) error) error {
	for _, part := range []struct {
		mode eventstore.BulkMode
		keys []keyOf
	}{{eventstore.Insert, k.has}, {eventstore.InsertNew, k.more}, {eventstore.Delete, k.lost}} {
		for chunk := range slices.Chunk(part.keys, keyChunk) {
			if err := emit(projections.Batch{Op: keyTable.Op(part.mode), Rows: k.rows(o, chunk)}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k keyRun) rows(o *folder, keys []keyOf) [][]any {
	const width = 4
	cells, out := make([]any, width*len(keys)), make([][]any, len(keys))
	for i := range keys {
		row := cells[width*i : width*(i+1) : width*(i+1)]
		row[0], row[1], row[2], row[3] = o.connection, o.number, keys[i].key[:], k.streams[keys[i].stream]
		out[i] = row
	}
	return out
}
