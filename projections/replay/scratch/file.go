package scratch

import (
	"bufio"
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// file holds sealed bodies one behind the other. What is forgotten leaves a gap; once the gaps are the most of it, what
// is left moves up.
type file struct {
	dir   string
	index *index
	base  place // of its beginning
	spare int64 // bytes of gaps that are always borne

	disk  disk // nil: none was needed yet
	name  string
	aead  cipher.AEAD
	nonce uint64
	end   int64
	live  int64 // bytes that are no gaps
	moves int   // how often what was left moved up

	out    []byte // to be written next
	moving []moved
	in     [4 << 10]byte
}

// disk is a file without a name, or one that is removed in the end.
type disk interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
}

// moved is what gets a place in the file.
type moved struct {
	hash uint32
	from place // where it stood in memory; nowhere: it is new
	at   int64
}

const (
	fileHead = 16 // an entry, and what a body is sealed with
	tag      = 16
)

func (e entry) sealed() int64 { return int64(roundUp(fileHead + e.size + tag)) }

// add seals a body for the next flush.
func (f *file) add(hash uint32, body []byte, from place) {
	if f.aead == nil {
		f.aead = newAEAD()
	}
	f.moving = append(f.moving, moved{hash, from, f.end + int64(len(f.out))})
	began := len(f.out)
	f.nonce++
	f.out = binary.LittleEndian.AppendUint32(f.out, uint32(len(body)))
	f.out = binary.LittleEndian.AppendUint32(f.out, hash)
	f.out = binary.LittleEndian.AppendUint64(f.out, f.nonce)
	head := f.out[began:]
	f.out = f.aead.Seal(f.out, nonceOf(head), body, head[:8])
	f.out = append(f.out, make([]byte, roundUp(len(f.out)-began)-(len(f.out)-began))...)
}

// newAEAD seals under a key that nobody keeps.
func newAEAD() cipher.AEAD {
	var key [32]byte
	_, _ = rand.Read(key[:])          // never fails
	block, _ := aes.NewCipher(key[:]) // the key has a right length
	aead, _ := cipher.NewGCM(block)   // as its blocks have
	return aead
}

func nonceOf(head []byte) []byte {
	var n [12]byte
	copy(n[4:], head[8:16])
	return n[:]
}

// flush writes what was added, and tells the index.
func (f *file) flush() error {
	if len(f.moving) == 0 {
		return nil
	}
	if err := f.open(); err != nil {
		return err
	}
	if f.end+int64(len(f.out)) > (1<<32-int64(f.base))*step {
		return f.failed("write", errors.New("it holds as much as it can, 256 GiB"))
	}
	if _, err := f.disk.WriteAt(f.out, f.end); err != nil {
		return f.failed("write", err)
	}
	for _, m := range f.moving {
		if to := f.place(m.at); m.from == 0 {
			f.index.add(m.hash, to)
		} else {
			f.index.move(m.hash, m.from, to)
		}
	}
	f.end, f.live = f.end+int64(len(f.out)), f.live+int64(len(f.out))
	f.out, f.moving = f.out[:0], f.moving[:0]
	if f.end-f.live > max(f.live, f.spare) {
		return f.compact()
	}
	return nil
}

func (f *file) place(at int64) place { return f.base + place(at/step) }

// open makes the file, which nobody else can find afterwards where the system lets a file be used that has no name.
func (f *file) open() error {
	if f.disk != nil {
		return nil
	}
	file, err := os.CreateTemp(cmp.Or(f.dir, os.TempDir()), "duolog-scratch-*")
	if err != nil {
		return f.failed("make", err)
	}
	f.disk = file
	if os.Remove(file.Name()) != nil {
		f.name = file.Name()
	}
	return nil
}

func (f *file) failed(what string, err error) error {
	return fmt.Errorf("%s the scratch file in %s, which takes what does not fit into memory: %w; make room there and start again",
		what, cmp.Or(f.dir, os.TempDir()), err)
}

func (f *file) read(hash uint32, at place) ([]byte, error) {
	off := int64(at-f.base) * step
	b := f.in[:min(int64(len(f.in)), f.end-off)]
	if _, err := f.disk.ReadAt(b, off); err != nil {
		return nil, f.failed("read", err)
	}
	if n := fileHead + headOf(b).size + tag; n > len(b) {
		b = make([]byte, min(int64(n), f.end-off))
		if _, err := f.disk.ReadAt(b, off); err != nil {
			return nil, f.failed("read", err)
		}
	}
	e := headOf(b)
	if e.hash != hash || fileHead+e.size+tag > len(b) {
		return nil, f.failed("read", errAltered)
	}
	body, err := f.aead.Open(nil, nonceOf(b), b[fileHead:fileHead+e.size+tag], b[:8])
	if err != nil {
		return nil, f.failed("read", errAltered)
	}
	return body, nil
}

var errAltered = errors.New("it was altered")

// compact moves what is left to the front.
func (f *file) compact() error {
	in, to := bufio.NewReaderSize(io.NewSectionReader(f.disk, 0, f.end), 1<<20), int64(0)
	write := func() error {
		_, err := f.disk.WriteAt(f.out, to)
		to, f.out = to+int64(len(f.out)), f.out[:0]
		return err
	}
	for at := int64(0); at < f.end; {
		head, err := in.Peek(fileHead)
		if err != nil {
			return f.failed("read", err)
		}
		e := headOf(head)
		began, here := len(f.out), f.place(at)
		f.out = append(f.out, make([]byte, e.sealed())...)
		if _, err := io.ReadFull(in, f.out[began:]); err != nil {
			return f.failed("read", err)
		}
		at += e.sealed()
		if !f.index.has(e.hash, here) {
			f.out = f.out[:began]
			continue
		}
		f.index.move(e.hash, here, f.place(to+int64(began)))
		if len(f.out) >= 1<<20 {
			if err := write(); err != nil {
				return f.failed("write", err)
			}
		}
	}
	if err := write(); err != nil {
		return f.failed("write", err)
	}
	f.end, f.live, f.moves = to, to, f.moves+1
	if err := f.disk.Truncate(to); err != nil {
		return f.failed("write", err)
	}
	return nil
}

func (f *file) close() error {
	if f.disk == nil {
		return nil
	}
	err := f.disk.Close()
	if f.name != "" {
		err = errors.Join(err, os.Remove(f.name))
	}
	f.disk, f.name = nil, ""
	return err
}
