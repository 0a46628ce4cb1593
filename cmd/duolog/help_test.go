package main

import (
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"
)

// TestHelpFitsTheLine: no command's help is wider than what commands print.
func TestHelpFitsTheLine(t *testing.T) {
	c, out, _ := quiet()
	seen := 0
	var each func(*cobra.Command)
	each = func(cmd *cobra.Command) {
		seen++
		out.Reset()
		cmd.SetOut(out)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if runewidth.StringWidth(strings.TrimRight(line, "\n")) > lineWidth {
				t.Errorf("%s: wider than %d: %s", cmd.CommandPath(), lineWidth, line)
			}
		}
		for _, sub := range cmd.Commands() {
			each(sub)
		}
	}
	each(c.root())
	if seen < 30 {
		t.Errorf("only %d commands were looked at", seen)
	}
}

// TestListsPrintCSV: whatever lists is there for a spreadsheet as well.
func TestListsPrintCSV(t *testing.T) {
	c, _, _ := quiet()
	var each func(*cobra.Command)
	each = func(cmd *cobra.Command) {
		if cmd.Name() == "list" && cmd.Flags().Lookup("csv") == nil {
			t.Errorf("%s has no --csv", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			each(sub)
		}
	}
	each(c.root())
}
