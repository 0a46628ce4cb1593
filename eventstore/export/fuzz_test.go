package export_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/duolog/duolog/eventstore/export"
)

// FuzzVerify: a file that was written once verifies for ever, and no other file does under its key.
func FuzzVerify(f *testing.F) {
	sample, err := os.ReadFile("testdata/sample.ndjson")
	if err != nil {
		f.Fatal(err)
	}
	key, err := os.ReadFile("testdata/sample.key")
	if err != nil {
		f.Fatal(err)
	}
	lines := bytes.SplitAfter(sample, []byte("\n"))
	f.Add(sample)
	f.Add(bytes.Join(lines[1:], nil))
	f.Add(bytes.Join([][]byte{lines[0], lines[1], lines[5]}, nil))
	f.Add(bytes.Join([][]byte{lines[0], lines[2], lines[1], lines[3]}, nil))
	f.Add(bytes.Replace(sample, []byte(`"erased":true`), []byte(`"erased":false`), 1))
	f.Add(bytes.Replace(sample, []byte(`"duolog_export":1`), []byte(`"duolog_export":2`), 1))
	f.Add(append(bytes.Clone(lines[0]), `{"duolog_export":1,"end":"x"}`...))
	f.Add([]byte(`{"duolog_export":1,"head":"\n\n"}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := export.Verify(bytes.NewReader(file), string(key))
		if good := err == nil && r.OK(); good != bytes.Equal(file, sample) {
			t.Errorf("%+v, %v", r, err)
		}
		if n := int64(bytes.Count(file, []byte("\n"))); r.Events > n || r.Disclosed > r.Events || len(r.Faults) > 1000 {
			t.Errorf("of %d lines: %+v, %d faults", n, r.Summary, len(r.Faults))
		}
	})
}
