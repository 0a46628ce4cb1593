// Package treehead is the signed form in which a log's state is told to others: a note of golang.org/x/mod/sumdb/note,
// laid out as a checkpoint of transparency logs, so that other tools read it as well. It touches no database.
//
// Format, for ever:
//
//	duolog/<log id>/<generation>
//	<number of events>
//	<root of the Merkle tree over them, base64>
//	connection <name>
//	time <RFC 3339, µs UTC>
//
//	— duolog-<connection> <signature>
//
// The tree is that of RFC 6962. The leaf of an event is its position and its recording time, 8 bytes big-endian each,
// and its hash.
package treehead

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrMalformed: a text that is no head.
var ErrMalformed = errors.New("not a head of a log")

const (
	prefix     = "duolog/"
	timeLayout = "2006-01-02T15:04:05.000000Z"
)

// Head says what a log held.
type Head struct {
	LogID      ulid.ULID
	Generation int64
	Connection string
	Size       int64 // events, from position 1 on
	Root       tlog.Hash
	At         int64 // when it was signed, µs UTC
}

// Leaf is the Merkle leaf of an event.
func Leaf(position, recordedAt int64, hash [32]byte) tlog.Hash {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 48), uint64(position))
	b = binary.BigEndian.AppendUint64(b, uint64(recordedAt))
	return tlog.RecordHash(append(b, hash[:]...))
}

// Origin names the log and its generation: what a head is a head of.
func (h Head) Origin() string { return fmt.Sprintf("%s%s/%d", prefix, h.LogID, h.Generation) }

// Text is what is signed.
func (h Head) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\nconnection %s\ntime %s\n", h.Origin(), h.Size, h.Root, h.Connection,
		time.UnixMicro(h.At).UTC().Format(timeLayout))
}

// Sign returns the head as a signed note.
func (h Head) Sign(signer note.Signer) (string, error) {
	signed, err := note.Sign(&note.Note{Text: h.Text()}, signer)
	if err != nil {
		return "", fmt.Errorf("sign head: %w", err)
	}
	return string(signed), nil
}

// Open reads a signed head whose signature one of the verifiers knows.
func Open(signed string, verifiers ...note.Verifier) (Head, error) {
	n, err := note.Open([]byte(signed), note.VerifierList(verifiers...))
	if err != nil {
		return Head{}, fmt.Errorf("open head: %w", err)
	}
	return parse(n.Text)
}

// Parse reads a signed head without a look at its signature.
func Parse(signed string) (Head, error) {
	text, _, ok := strings.Cut(signed, "\n\n")
	if !ok {
		return Head{}, fmt.Errorf("%w: no signature", ErrMalformed)
	}
	return parse(text + "\n")
}

func parse(text string) (Head, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 6 {
		return Head{}, fmt.Errorf("%w: %d lines", ErrMalformed, len(lines)-1)
	}
	var h Head
	id, generation, _ := strings.Cut(strings.TrimPrefix(lines[0], prefix), "/")
	at, errTime := time.Parse(timeLayout, strings.TrimPrefix(lines[4], "time "))
	h.Connection, h.At = strings.TrimPrefix(lines[3], "connection "), at.UnixMicro()
	var errID, errGeneration, errSize, errRoot error
	h.LogID, errID = ulid.ParseStrict(id)
	h.Generation, errGeneration = strconv.ParseInt(generation, 10, 64)
	h.Size, errSize = strconv.ParseInt(lines[1], 10, 64)
	h.Root, errRoot = tlog.ParseHash(lines[2])
	if err := errors.Join(errID, errGeneration, errSize, errRoot, errTime); err != nil {
		return Head{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if h.Text() != text { // one form only: what is read must be what was signed
		return Head{}, fmt.Errorf("%w: not in its only form", ErrMalformed)
	}
	return h, nil
}
