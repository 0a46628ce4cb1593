package export

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/treehead"
)

// Fault is one thing wrong with a file.
type Fault struct {
	Line     int    `json:"line,omitempty"`
	Position int64  `json:"position,omitempty"`
	Kind     string `json:"kind"`
	Detail   string `json:"detail"`
}

// The kinds of faults.
const (
	FaultHead    = "head"    // the signed head is not by the key, or not of the log the file speaks of
	FaultLine    = "line"    // a line that is not in its only form
	FaultProof   = "proof"   // an event the head does not speak for as it stands here
	FaultKey     = "key"     // a key that did not seal its event
	FaultData    = "data"    // data that is not what was sealed
	FaultMissing = "missing" // an event that was in the file when it was signed
	FaultAdded   = "added"   // one that was not
	FaultEnd     = "end"     // the end is missing, not by the key, or of other lines
	maxFaults    = 1000
)

// Report is what Verify found.
type Report struct {
	Summary
	Header     Header        `json:"header"`
	Head       treehead.Head `json:"-"`
	Faults     []Fault       `json:"faults"`
	MoreFaults int64         `json:"more_faults,omitempty"`
}

// OK tells whether nothing was found.
func (r Report) OK() bool { return len(r.Faults) == 0 }

// ErrNoExport: the file is none.
var ErrNoExport = errors.New("not an export of duolog")

// Verify checks a file against a public key.
func Verify(r io.Reader, public string) (Report, error) {
	verifier, err := treehead.Verifier(public)
	if err != nil {
		return Report{}, err
	}
	v := &checker{verifier: verifier, sum: sha256.New()}
	in := bufio.NewReaderSize(r, 1<<20)
	first, err := in.ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return v.Report, fmt.Errorf("read export: %w", err)
	}
	if err := v.header(first); err != nil {
		return v.Report, err
	}
	if err := v.lines(in); err != nil {
		return v.Report, fmt.Errorf("read export: %w", err)
	}
	return v.Report, nil
}

type checker struct {
	Report
	verifier note.Verifier
	sum      hash.Hash // of the lines before the present one
	number   int       // of the present line
	held     []span
	last     int64
	ended    bool
}

func (v *checker) fault(position int64, kind, format string, args ...any) {
	if len(v.Faults) >= maxFaults {
		v.MoreFaults++
		return
	}
	v.Faults = append(v.Faults, Fault{v.number, position, kind, fmt.Sprintf(format, args...)})
}

func (v *checker) header(b []byte) error {
	v.number = 1
	v.sum.Write(b)
	if json.Unmarshal(b, &v.Header) != nil || v.Header.Version == 0 {
		return fmt.Errorf("%w: its first line is none of an export", ErrNoExport)
	}
	if v.Header.Version != version {
		return fmt.Errorf("%w of this version: format %d, known is %d: use a newer duolog", ErrNoExport, v.Header.Version, version)
	}
	h, err := treehead.Open(v.Header.Head, v.verifier)
	if err != nil {
		v.fault(0, FaultHead, "the head is not signed by %s: %v", treehead.ID(v.verifier), err)
		if h, err = treehead.Parse(v.Header.Head); err != nil {
			return fmt.Errorf("%w: %w", ErrNoExport, err)
		}
	}
	v.Head = h
	if h.Connection != v.Header.Connection || h.LogID.String() != v.Header.LogID || h.Generation != v.Header.Generation {
		v.fault(0, FaultHead, "the head is of %s %s, the file of %s, generation %d", h.Connection, h.Origin(), v.Header.LogID,
			v.Header.Generation)
	}
	if again, err := encode(v.Header); err != nil || !bytes.Equal(again, b) {
		v.fault(0, FaultLine, "the first line is not in its only form")
	}
	return nil
}

func (v *checker) lines(in *bufio.Reader) error {
	for {
		b, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(b) > 0 {
			v.number++
			v.line(b)
		}
		if err != nil {
			break
		}
	}
	if !v.ended {
		v.number = 0
		v.fault(0, FaultEnd, "the file has no end: lines are missing")
	}
	return nil
}

func (v *checker) line(b []byte) {
	if v.ended {
		v.fault(0, FaultAdded, "a line past the end")
		return
	}
	var e ending
	if json.Unmarshal(b, &e) == nil && e.End != "" {
		v.end(e, b)
		return
	}
	v.sum.Write(b)
	var l line
	if err := json.Unmarshal(b, &l); err != nil {
		v.fault(0, FaultLine, "it cannot be read: %v", err)
		return
	}
	s, err := l.stored(v.Header)
	if err != nil {
		v.fault(s.position, FaultLine, "%v", err)
		return
	}
	if again, err := encode(l); err != nil || !bytes.Equal(again, b) {
		v.fault(s.position, FaultLine, "it is not in its only form: something in it is not covered by the proof")
	}
	v.event(&l, &s)
}

func (v *checker) event(l *line, s *stored) {
	v.Events++
	if s.position <= v.last {
		v.fault(s.position, FaultAdded, "it stands behind event %d", v.last)
	} else {
		v.held, v.last = extend(v.held, s.position), s.position
	}
	proof := make(tlog.RecordProof, len(l.Proof)/tlog.HashSize)
	for i := range proof {
		copy(proof[i][:], l.Proof[i*tlog.HashSize:])
	}
	if s.position < 1 || s.position > v.Head.Size ||
		tlog.CheckRecord(proof, v.Head.Size, v.Head.Root, s.position-1, s.leaf()) != nil {
		v.fault(s.position, FaultProof, "the signed head does not speak for this event as it stands here")
	}
	v.disclosed(l, s)
}

// disclosed checks what an event shows of its data.
func (v *checker) disclosed(l *line, s *stored) {
	if l.Erased {
		v.Erased++
	}
	if l.EventKey == nil {
		if l.Data != nil || l.DataContentType != "" {
			v.fault(s.position, FaultData, "it shows data without the key that would prove it")
		}
		return
	}
	v.Disclosed++
	sum := sha256.Sum256(l.EventKey)
	plain, err := s.open(l.EventKey)
	if !bytes.Equal(sum[:], s.keyHash) || err != nil || l.Erased {
		v.fault(s.position, FaultKey, "its key is not the one it was sealed with")
		return
	}
	if kind, data := shown(plain); kind != l.DataContentType || !bytes.Equal(data, l.Data) {
		v.fault(s.position, FaultData, "its data is not what was sealed")
	}
}

// end checks what was signed about the lines before.
func (v *checker) end(e ending, b []byte) {
	v.ended = true
	if again, err := encode(e); err != nil || !bytes.Equal(again, b) || e.Version != version {
		v.fault(0, FaultLine, "the last line is not in its only form")
	}
	n, err := note.Open([]byte(e.End), note.VerifierList(v.verifier))
	if err != nil {
		v.fault(0, FaultEnd, "the end is not signed by %s: %v", treehead.ID(v.verifier), err)
		return
	}
	if n.Text == endText(v.Head.Origin(), v.held, v.Events, v.sum.Sum(nil)) {
		return
	}
	v.fault(0, FaultEnd, "the lines are not those that were signed")
	v.compare(n.Text)
}

// compare names the events that are there and were not, and the other way round.
func (v *checker) compare(signed string) {
	for _, part := range strings.Split(signed, "\n") {
		list, ok := strings.CutPrefix(part, "positions ")
		if !ok {
			continue
		}
		want, err := parseSpans(list)
		if err != nil {
			v.fault(0, FaultEnd, "%v", err)
			return
		}
		v.number = 0
		v.beyond(want, v.held, FaultMissing, "it was in the file when it was signed")
		v.beyond(v.held, want, FaultAdded, "it was not in the file when it was signed")
	}
}

// beyond tells of the positions in some that are not in others.
func (v *checker) beyond(some, others []span, kind, detail string) {
	for _, s := range some {
		for p := s.first; p <= s.last; p++ {
			at, _ := slices.BinarySearchFunc(others, p, func(o span, p int64) int {
				if o.last < p {
					return -1
				}
				return 1
			})
			if at == len(others) || others[at].first > p {
				v.fault(p, kind, "%s", detail)
			}
			if v.MoreFaults > maxFaults {
				return
			}
		}
	}
}

var errForm = errors.New("a field is not in its form, or of another log")

// stored reads back what the event's hash is made of.
func (l *line) stored(h Header) (stored, error) {
	s := stored{
		connection: h.Connection, schema: l.Schema, stream: l.Subject, typ: l.Type, actor: l.Actor, subject: l.DataSubject,
		sealed: l.Sealed, keyHash: l.KeyHash,
	}
	var err, errs error
	s.position, err = strconv.ParseInt(l.Sequence, 10, 64)
	errs = errors.Join(errs, err)
	s.id, err = ulid.ParseStrict(l.ID)
	errs = errors.Join(errs, err)
	s.recordedAt, err = micros(l.Time)
	errs = errors.Join(errs, err)
	if l.OccurredAt != "" {
		s.occurredAt, err = micros(l.OccurredAt)
		errs = errors.Join(errs, err)
	}
	if l.Causation != "" {
		s.causation, err = strconv.ParseInt(l.Causation, 10, 64)
		errs = errors.Join(errs, err)
	}
	id, err := ulid.ParseStrict(h.LogID)
	errs = errors.Join(errs, err)
	if l.SpecVersion != "1.0" || l.Source != source(h.Connection, eventstore.Head{LogID: id}) ||
		l.Generation != strconv.FormatInt(h.Generation, 10) || l.ID != s.id.String() ||
		l.Sequence != strconv.FormatInt(s.position, 10) || l.Time != stamp(s.recordedAt) {
		errs = errors.Join(errs, errForm)
	}
	return s, errs
}

func micros(text string) (int64, error) {
	t, err := time.Parse(timeLayout, text)
	return t.UnixMicro(), err
}
