package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/mattn/go-runewidth"
)

// lineWidth is how wide what a person reads may be, in columns.
const lineWidth = 100

func (c *cli) printf(format string, args ...any) { _, _ = fmt.Fprintf(c.out, format, args...) }

// note says something on the way that is not the answer.
func (c *cli) note(format string, args ...any) { _, _ = fmt.Fprintf(c.err, format, args...) }

// printJSON prints v indented.
func (c *cli) printJSON(v any) error {
	enc := json.NewEncoder(c.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// isTerminal tells whether a person reads what is written to w.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// Colours of a terminal.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	faint  = "2"
	bold   = "1"
)

// paint colours text on a terminal that wants it.
func (c *cli) paint(colour, text string) string {
	if !isTerminal(c.out) || c.getenv("NO_COLOR") != "" || c.getenv("TERM") == "dumb" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// table is rows under headings; every row has as many cells.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// csv writes the table for a spreadsheet. A cell that a spreadsheet would take for a formula is quoted with '.
func (t *table) csv(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(t.head); err != nil {
		return err
	}
	for _, row := range t.rows {
		safe := make([]string, len(row))
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				cell = "'" + cell
			}
			safe[i] = cell
		}
		if err := out.Write(safe); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// print writes the table in columns; the last one is cut where the line is full.
func (t *table) print(c *cli) {
	widths := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], runewidth.StringWidth(cell))
		}
	}
	for n, row := range append([][]string{t.head}, t.rows...) {
		line := columns(row, widths)
		if n == 0 {
			line = c.paint(faint, line)
		}
		c.printf("%s\n", line)
	}
}

func columns(cells []string, widths []int) string {
	var b strings.Builder
	used := 0
	for i, cell := range cells {
		if i == len(cells)-1 {
			b.WriteString(runewidth.Truncate(cell, max(lineWidth-used, 20), "…"))
			break
		}
		b.WriteString(runewidth.FillRight(cell, widths[i]+2))
		used += widths[i] + 2
	}
	return strings.TrimRight(b.String(), " ")
}

// rightAt puts note at the right end of a line of the usual width, or after text that leaves no room.
func rightAt(text, note string) string {
	gap := lineWidth - runewidth.StringWidth(text) - runewidth.StringWidth(note)
	return text + strings.Repeat(" ", max(gap, 1)) + note
}

// number writes n with separators: 61,207.
func number(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// plural writes a number with its noun: "1 contact", "2 contacts".
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + noun + "s"
}

// at names a position: #61,207.
func at(position int64) string { return "#" + number(position) }

// orDash shows what is missing.
func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}
