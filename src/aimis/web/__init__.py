"""The pages, the HTTP API and the WeChat account: `aimis serve`."""
