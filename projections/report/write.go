package report

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"
)

// Formats a report can be written in.
const (
	Markdown = "md"
	HTML     = "html"
	CSV      = "csv"
	JSON     = "json"
)

// Formats lists them.
var Formats = []string{Markdown, HTML, CSV, JSON}

// ErrFormat: there is no such format.
var ErrFormat = errors.New("a report is written as md, html, csv or json")

// Media is the media type of a format.
func Media(format string) string {
	return map[string]string{
		Markdown: "text/markdown; charset=utf-8", HTML: "text/html; charset=utf-8", CSV: "text/csv; charset=utf-8",
		JSON: "application/json",
	}[format]
}

// Write writes the report in a format.
func (r Report) Write(w io.Writer, format string) error {
	switch format {
	case Markdown:
		_, err := io.WriteString(w, r.markdown())
		return err
	case HTML:
		return page.Execute(w, r)
	case CSV:
		return r.csv(w)
	case JSON:
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(r)
	}
	return fmt.Errorf("%q: %w", format, ErrFormat)
}

// Heading names the report, the connection and the period.
func (r Report) Heading() string {
	return fmt.Sprintf("%s of connection %s, %s", r.Title, r.Connection, r.Period())
}

// Period says what the report is about, in the reader's days; the last day is within it.
func (r Report) Period() string {
	const day = "Jan 2, 2006"
	switch {
	case r.Since.IsZero() && r.Until.IsZero():
		return "the whole log"
	case r.Since.IsZero():
		return "up to " + r.local(r.Until.Add(-time.Second)).Format(day)
	case r.Until.IsZero():
		return "from " + r.local(r.Since).Format(day) + " on"
	}
	return r.local(r.Since).Format(day) + " to " + r.local(r.Until.Add(-time.Second)).Format(day)
}

func (r Report) local(t time.Time) time.Time {
	if r.Zone == nil {
		return t.UTC()
	}
	return t.In(r.Zone)
}

// Cell is a cell as a person reads it.
func (r Report) Cell(cell any) string {
	switch v := cell.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case Position:
		return "#" + strconv.FormatInt(int64(v), 10)
	case time.Time:
		return r.local(v).Format("2006-01-02 15:04:05 MST")
	}
	return fmt.Sprint(cell)
}

// Numeric tells a cell that stands at the right.
func (Report) Numeric(cell any) bool {
	_, ok := cell.(int64)
	return ok
}

// inTable takes from a text what would end a cell or begin markup.
var inTable = strings.NewReplacer("|", `\|`, "\r", " ", "\n", " ", "<", "&lt;", ">", "&gt;", "`", "'")

func (r Report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", inTable.Replace(r.Heading()))
	for i, s := range r.Sections {
		fmt.Fprintf(&b, "\n## %d %s\n", i+1, s.Title)
		for _, t := range s.Tables {
			if t.Title != "" {
				fmt.Fprintf(&b, "\n**%s**\n", inTable.Replace(t.Title))
			}
			fmt.Fprintf(&b, "\n| %s |\n|%s\n", strings.Join(t.Columns, " | "), strings.Repeat(" --- |", len(t.Columns)))
			for _, row := range t.Rows {
				cells := make([]string, len(row))
				for n, cell := range row {
					cells[n] = inTable.Replace(r.Cell(cell))
				}
				fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
			}
		}
		for _, note := range s.Notes {
			fmt.Fprintf(&b, "\n%s\n", note)
		}
	}
	return b.String()
}

// csv writes table below table, each row with its section and table before it.
func (r Report) csv(w io.Writer) error {
	out := csv.NewWriter(w)
	for _, s := range r.Sections {
		for _, t := range s.Tables {
			lines := [][]string{append([]string{"section", "table"}, t.Columns...)}
			for _, row := range t.Rows {
				line := []string{s.Key, t.Key}
				for _, cell := range row {
					line = append(line, bare(cell))
				}
				lines = append(lines, line)
			}
			if err := out.WriteAll(lines); err != nil {
				return err
			}
		}
	}
	return nil
}

// bare is a cell as a program reads it. A spreadsheet must not take a text for a formula.
func bare(cell any) string {
	switch v := cell.(type) {
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case string:
		if v != "" && strings.ContainsRune("=+-@\t\r", rune(v[0])) {
			return "'" + v
		}
	}
	return fmt.Sprint(cell)
}

// page is the report as a file that needs nothing else: no script, no style or font from elsewhere.
var page = template.Must(template.New("report").Funcs(template.FuncMap{"next": func(i int) int { return i + 1 }}).Parse(
	`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Heading}}</title><style>
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1c2430}
table{border-collapse:collapse;margin:.5rem 0 1.2rem}caption{text-align:left;font-weight:600}
th,td{border-bottom:1px solid #d8dee6;padding:.25rem .9rem .25rem 0;text-align:left;vertical-align:top;overflow-wrap:anywhere}
td.n{text-align:right;font-variant-numeric:tabular-nums}h2{margin-top:2rem}@media print{h2{break-after:avoid}tr{break-inside:avoid}}
</style></head><body><h1>{{.Heading}}</h1>
{{range $i, $s := .Sections}}<h2 id="{{$s.Key}}">{{next $i}} {{$s.Title}}</h2>
{{range $s.Tables}}<table>{{if .Title}}<caption>{{.Title}}</caption>{{end}}<thead><tr>{{range .Columns}}<th>{{.}}</th>{{end}}</tr></thead><tbody>
{{range .Rows}}<tr>{{range .}}<td{{if $.Numeric .}} class="n"{{end}}>{{$.Cell .}}</td>{{end}}</tr>
{{end}}</tbody></table>
{{end}}{{range $s.Notes}}<p>{{.}}</p>
{{end}}{{end}}</body></html>
`))
