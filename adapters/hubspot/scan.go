package hubspot

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/duolog/duolog/adapters"
)

// listAnswer is a page of a list or a search.
type listAnswer struct {
	Results []object `json:"results"`
	Paging  struct {
		Next struct {
			After string `json:"after"`
		} `json:"next"`
	} `json:"paging"`
}

func listQuery(properties []string, after string) url.Values {
	q := url.Values{"properties": {strings.Join(properties, ",")}}
	if after != "" {
		q.Set("after", after)
	}
	return q
}

// Scan pages through the list, which sees the present and has no end at 10,000 as searches have.
func (c *Client) Scan(ctx context.Context, properties []string, fn func([]adapters.Snapshot) error) error {
	properties = withIdentifying(properties)
	for after := ""; ; {
		q := listQuery(properties, after)
		q.Set("limit", strconv.Itoa(maxBatch))
		var page listAnswer
		var begun time.Time
		if err := c.patiently(ctx, func() (err error) {
			page = listAnswer{}
			begun, err = c.fetch(ctx, c.calls, http.MethodGet, c.paths.contacts("")+"?"+q.Encode(), nil, &page)
			if err == nil {
				err = addressed(page.Results...)
			}
			return err
		}); err != nil {
			return plain(err)
		}
		snapshots := make([]adapters.Snapshot, len(page.Results))
		for i, o := range page.Results {
			snapshots[i] = o.snapshot(begun, properties...)
		}
		if err := c.unknown(ctx, snapshots); err != nil {
			return plain(err)
		}
		if err := fn(snapshots); err != nil {
			return err
		}
		next := page.Paging.Next.After
		if next == "" {
			return nil
		}
		if next == after {
			return unreadable()
		}
		after = next
	}
}
