package httpapi

import (
	"context"
	"fmt"
	"slices"
)

// ConnectionInfo is a connection of the database.
type ConnectionInfo struct {
	Name    string `json:"name"`
	Portal  string `json:"portal,omitempty"`
	Account string `json:"account,omitempty"`
	Mode    string `json:"mode,omitempty"`
	Events  int64  `json:"events"`
	Served  bool   `json:"served" doc:"duolog serve takes it along: its credentials are stored or stand in the configuration"`
	Needs   int64  `json:"needs" doc:"Things that need a person"`
}

// ConnectionList is the connections a token reaches, by name.
type ConnectionList struct {
	Connections []ConnectionInfo `json:"connections"`
}

func (a *api) registerConnections() {
	const at = "/v1/connections"
	list := get("list-connections", at, "The connections of the database", "connections")
	list.Description = "Those the token reaches, with those that are not served."
	register(a, list, ReadStatus, func(ctx context.Context, _ *struct{}) (*body[ConnectionList], error) {
		all, err := a.reached(ctx)
		return &body[ConnectionList]{ConnectionList{all}}, err
	})
	show := get("get-connection", at+"/{connection}", "One connection of the database", "connections")
	show.Description = "`status` of the same tells the rest, while it is served."
	register(a, show, ReadStatus, func(ctx context.Context, in *connectionInput) (*body[ConnectionInfo], error) {
		all, err := a.reached(ctx)
		if err != nil {
			return nil, err
		}
		for _, c := range all {
			if c.Name == in.Connection {
				return &body[ConnectionInfo]{c}, nil
			}
		}
		return nil, fmt.Errorf("%w: there is no connection of this name", ErrNotFound)
	})
}

// reached are the connections the request's token is good for.
func (a *api) reached(ctx context.Context) ([]ConnectionInfo, error) {
	if a.Connections == nil {
		return nil, fmt.Errorf("%w: connections are not listed here", ErrNotFound)
	}
	all, err := a.Connections(ctx)
	if err != nil {
		return nil, err
	}
	who := identity(ctx)
	all = slices.DeleteFunc(all, func(c ConnectionInfo) bool { return !who.reaches(c.Name) })
	return append([]ConnectionInfo{}, all...), nil
}
