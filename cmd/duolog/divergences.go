package main

import (
	"encoding/csv"
	"errors"
	"os"
	"time"

	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/replay"
)

// divergences writes first differences to a file as they are found: there may be more than memory holds. A nil one writes
// nothing.
type divergences struct {
	file *os.File
	out  *csv.Writer
	zone *time.Location
}

func newDivergences(path string, s settings.Settings) (*divergences, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	w := &divergences{file: file, out: csv.NewWriter(file), zone: s.Env().Zone}
	return w, w.out.Write([]string{"position", "time", "contact", "record", "field", "was", "would be", "rule", "source"})
}

// add keeps what fails for close.
func (w *divergences) add(d replay.Divergence) {
	if w == nil {
		return
	}
	record := ""
	if !d.Record.IsZero() {
		record = d.Record.String()
	}
	at := time.UnixMicro(d.At).In(w.zone).Format(bothLayout)
	_ = w.out.Write(safeCells(d.Input, at, d.Contact.String(), record, d.Field, d.Was, d.Would, d.Rule, d.Source))
}

// close ends the file, which is removed when what was to be written in it failed.
func (w *divergences) close(failed error) error {
	if w == nil {
		return failed
	}
	w.out.Flush()
	err := errors.Join(failed, w.out.Error(), w.file.Close())
	if err != nil {
		err = errors.Join(err, os.Remove(w.file.Name()))
	}
	return err
}
