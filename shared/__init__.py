"""What both lanes need; knows neither of them."""
