package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// maxFile is the largest file taken in one request, in bytes; the command takes any.
const maxFile = 64 << 20

// Importer takes in the contacts of a CSV file as Aloware showed them at a moment.
type Importer func(ctx context.Context, file io.Reader, asOf time.Time, by By) (Imported, error)

// Imported says what became of a file.
type Imported struct {
	Rows      int64          `json:"rows" doc:"Contacts in the file that could be read"`
	Facts     int64          `json:"facts" doc:"Appended: new, or different from what was seen"`
	Unchanged int64          `json:"unchanged" doc:"As they were seen already"`
	Repeated  int64          `json:"repeated" doc:"Imported before, from the same export"`
	Asked     int64          `json:"asked" doc:"Rows without an id whose number Aloware was asked for"`
	Withheld  int64          `json:"withheld,omitempty" doc:"Left out: the person was erased, or the text cannot be stored"`
	Bad       int64          `json:"bad" doc:"Lines that could not be taken"`
	Lines     []ImportLine   `json:"lines,omitempty" doc:"The first of them"`
	Columns   []ImportColumn `json:"columns"`
	Missing   []string       `json:"missing,omitempty" doc:"Mapped properties the file does not have: who is new is looked up one by one"`
}

// ImportLine is a line that could not be taken.
type ImportLine struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

// ImportColumn is a column and the property of Aloware it is taken for.
type ImportColumn struct {
	Header   string `json:"header"`
	Property string `json:"property"`
	Mapped   bool   `json:"mapped"`
}

type importInput struct {
	Connection string    `path:"connection" maxLength:"100"`
	AsOf       time.Time `query:"as_of" required:"true" doc:"When the file was exported: every value in it counts from there"`
	Reason     string    `query:"reason" minLength:"1" maxLength:"500" required:"true" doc:"Why, kept in the log"`
	RawBody    []byte    `contentType:"text/csv"`
}

func (a *api) registerImport() {
	register(a, huma.Operation{
		OperationID: "import-aloware", Method: http.MethodPost, Path: "/v1/connections/{connection}/import/aloware",
		Summary: "Take in contacts exported from Aloware", Tags: []string{"sync"}, MaxBodyBytes: maxFile,
		Description: "A CSV file with a header line. The same file again appends nothing, and a value older than what was seen " +
			"since changes nothing.",
	}, ImportContacts, func(ctx context.Context, in *importInput) (*body[Imported], error) {
		conn, err := a.connection(in.Connection)
		if err == nil && conn.Import == nil {
			err = fmt.Errorf("%w: this connection takes no files here", ErrNotFound)
		}
		if err != nil {
			return nil, err
		}
		done, err := conn.Import(ctx, bytes.NewReader(in.RawBody), in.AsOf, By{Actor: identity(ctx).Actor(), Reason: in.Reason})
		if err != nil {
			return nil, err
		}
		return &body[Imported]{done}, nil
	})
}
