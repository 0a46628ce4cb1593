package kept

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
)

// ErrDamaged: a list of erasures holds what nobody of the connection wrote, or lacks something.
var ErrDamaged = errors.New("the list of erasures is damaged")

// Entry is an erasure, or the end of one.
type Entry struct {
	ID         ulid.ULID `json:"id"`               // of the event
	After      ulid.ULID `json:"after,omitzero"`   // of the one before it in the log
	Again      ulid.ULID `json:"again,omitzero"`   // of the one it repeats, which was lost
	Lifted     bool      `json:"lifted,omitempty"` // the end of one
	Generation int64     `json:"generation"`       // of the log, when this was written
	Position   int64     `json:"position"`
	At         int64     `json:"at"` // µs UTC
	Contact    ulid.ULID `json:"contact"`
	Streams    []string  `json:"streams"`            // of the records
	Subjects   []string  `json:"subjects,omitempty"` // beside theirs
	// Identifiers are keyed hashes by which the person is recognised; Cause is the erasure that a record joined.
	Identifiers []string  `json:"identifiers,omitempty"`
	Cause       ulid.ULID `json:"cause,omitzero"`
}

// Origin is the id of what was done first.
func (e Entry) Origin() ulid.ULID {
	if e.Again.IsZero() {
		return e.ID
	}
	return e.Again
}

// List is a log's list of erasures.
type List struct {
	Log    ulid.ULID
	Secret []byte // of the connection, which lines are signed with
}

const ending = ".erasures"

func (l List) heading() string { return "duolog/" + l.Log.String() + " erasures 1\n" }

// line is an entry as it stands in the file.
func (l List) line(e Entry) (string, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	return string(b) + " " + l.sum(b) + "\n", nil
}

func (l List) sum(b []byte) string {
	mac := hmac.New(sha256.New, l.Secret)
	mac.Write([]byte(l.heading()))
	mac.Write(b)
	return hex.EncodeToString(mac.Sum(nil))
}

// Writable fails when an entry could not be added now.
func (f Folder) Writable(l List) error { return f.Append(l) }

// Append adds entries to a log's list, durably, and makes the list when there is none.
func (f Folder) Append(l List, entries ...Entry) error {
	if f == "" {
		return nil
	}
	if err := f.append(l, entries); err != nil {
		return fmt.Errorf("keep what was erased in %s: %w", f, err)
	}
	return nil
}

func (f Folder) append(l List, entries []Entry) (err error) {
	path := f.file(l.Log, ending)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := f.replace(path, l.heading()); err != nil {
			return err
		}
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var text strings.Builder
	if torn(file) {
		text.WriteByte('\n')
	}
	for _, e := range entries {
		line, err := l.line(e)
		if err != nil {
			return err
		}
		text.WriteString(line)
	}
	if len(entries) == 0 {
		return nil
	}
	if _, err := file.WriteString(text.String()); err != nil {
		return err
	}
	return file.Sync()
}

// torn reports a file that ends within a line.
func torn(file *os.File) bool {
	var last [1]byte
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	_, err = file.ReadAt(last[:], info.Size()-1)
	return err == nil && last[0] != '\n'
}

// Erasures reads a log's list here; fs.ErrNotExist when there is none.
func (f Folder) Erasures(l List) ([]Entry, error) {
	if f == "" {
		return nil, fs.ErrNotExist
	}
	return l.Read(f.file(l.Log, ending))
}

// Read reads the list of the log from a file, or from a folder that holds it; fs.ErrNotExist when there is none of this
// log. With ErrDamaged come the entries that are whole.
func (l List) Read(path string) ([]Entry, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, l.Log.String()+ending)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	rest, ok := bytes.CutPrefix(b, []byte(l.heading()))
	if !ok {
		if bytes.HasPrefix(b, []byte("duolog/")) {
			return nil, fmt.Errorf("%s is of another log than %s: %w", path, l.Log, fs.ErrNotExist)
		}
		return nil, fmt.Errorf("%w: %s does not begin as one", ErrDamaged, path)
	}
	entries, err := l.parse(string(rest))
	if err != nil {
		err = fmt.Errorf("%w: %s, %w", ErrDamaged, path, err)
	}
	return entries, err
}

// parse reads lines. One that is cut short is passed over where it is whole further on, or is the last one: then nobody was
// told that the erasure is done.
func (l List) parse(text string) (entries []Entry, err error) {
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if line == "" || line == "\n" {
			continue
		}
		body, sum, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "} ")
		body += "}"
		var e Entry
		if hmac.Equal([]byte(sum), []byte(l.sum([]byte(body)))) && json.Unmarshal([]byte(body), &e) == nil {
			entries = append(entries, e)
			continue
		}
		piece := strings.TrimSuffix(line, "\n")
		whole := func(later string) bool { return strings.HasPrefix(later, piece) }
		if last := i == len(lines)-1; !last && !slices.ContainsFunc(lines[i+1:], whole) {
			err = errors.Join(err, fmt.Errorf("line %d was altered", i+2))
		}
	}
	return entries, err
}

// sorted brings entries of one or several lists of a log into the order in which they were done, each once: what was done
// again is what was done first.
func sorted(entries []Entry) []Entry {
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, func(a, b Entry) int {
		if a.Generation != b.Generation {
			return int(min(max(a.Generation-b.Generation, -1), 1))
		}
		return int(min(max(a.Position-b.Position, -1), 1))
	})
	seen := map[ulid.ULID]bool{}
	return slices.DeleteFunc(entries, func(e Entry) bool {
		twice := seen[e.Origin()]
		seen[e.Origin()] = true
		return twice
	})
}

// Lost are the entries that a log does not know of, which knows those of the ids; the same done again counts once. It is
// ErrDamaged when one of them is missing.
func Lost(entries []Entry, known map[ulid.ULID]bool) ([]Entry, error) {
	there := map[ulid.ULID]bool{ulid.Zero: true}
	for _, e := range entries {
		there[e.ID], there[e.Again] = true, true
	}
	var lost []Entry
	for _, e := range sorted(entries) {
		if known[e.ID] || known[e.Origin()] {
			continue
		}
		if !there[e.After] && !known[e.After] {
			return nil, fmt.Errorf("%w: what was erased before #%d of generation %d is not in it", ErrDamaged, e.Position, e.Generation)
		}
		lost = append(lost, e)
	}
	return lost, nil
}
