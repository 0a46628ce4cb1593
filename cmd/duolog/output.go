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
	rows [][]any
}

// position is a cell that holds a place in the log.
type position int64

// add adds a row. Numbers are written with separators for people and bare for spreadsheets.
func (t *table) add(cells ...any) { t.rows = append(t.rows, cells) }

// safeCells are the cells of a row as a spreadsheet takes them.
func safeCells(row ...any) []string {
	cells := make([]string, len(row))
	for i, cell := range row {
		cells[i] = safeCell(cell)
	}
	return cells
}

// csv writes the table for a spreadsheet.
func (t *table) csv(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(t.head); err != nil {
		return err
	}
	for _, row := range t.rows {
		if err := out.Write(safeCells(row...)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// safeCell keeps a spreadsheet from taking a text for a formula.
func safeCell(cell any) string {
	text, ok := cell.(string)
	if !ok {
		return fmt.Sprint(cell)
	}
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// drop leaves out the first column.
func (t *table) drop() {
	t.head = t.head[1:]
	for i := range t.rows {
		t.rows[i] = t.rows[i][1:]
	}
}

// print writes the table in columns; the last one goes on below itself where the line is full.
func (t *table) print(c *cli) {
	lines := [][]string{t.head}
	for _, row := range t.rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = shown(cell)
		}
		lines = append(lines, cells)
	}
	widths := make([]int, len(t.head))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], runewidth.StringWidth(cell))
		}
	}
	for n, line := range lines {
		text := columns(line, widths)
		if n == 0 {
			text = c.paint(faint, text)
		}
		c.printf("%s\n", text)
	}
}

func shown(cell any) string {
	switch v := cell.(type) {
	case int:
		return number(int64(v))
	case int64:
		return number(v)
	case position:
		return at(int64(v))
	default:
		return fmt.Sprint(v)
	}
}

func columns(cells []string, widths []int) string {
	var b strings.Builder
	used := 0
	for i, cell := range cells {
		if i == len(cells)-1 {
			lines := wrap(cell, max(lineWidth-used, 20))
			for i := range lines { // a word may be wider than the column
				lines[i] = runewidth.Truncate(lines[i], max(lineWidth-used, 20), "…")
			}
			b.WriteString(strings.Join(lines, "\n"+strings.Repeat(" ", used)))
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

// some makes a missing list one that is written as [].
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// list shows a list as it was asked for: whole as JSON, for a spreadsheet, or as a table.
func (c *cli) list(t *table, asCSV bool, whole any) error {
	switch {
	case c.json:
		return c.printJSON(whole)
	case asCSV:
		return t.csv(c.out)
	}
	t.print(c)
	return nil
}
