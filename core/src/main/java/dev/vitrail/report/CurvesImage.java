package dev.vitrail.report;

import dev.vitrail.files.AtomicFile;
import dev.vitrail.images.ImageEncoder;
import dev.vitrail.train.EpochSummary;
import java.awt.AWTError;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.ChartTheme;
import org.knowm.xchart.style.Styler.LegendLayout;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The curves of a run as a picture, {@code curves.png}, for slides and messages. */
final class CurvesImage {
    private static final Logger LOG = LoggerFactory.getLogger(CurvesImage.class);
    /** Pixels of one chart. */
    private static final int WIDTH = 640, HEIGHT = 420;

    private static final Color[] COLORS = {new Color(0x0072b2), new Color(0xd55e00), new Color(0x009e73)};

    private CurvesImage() {}

    /** Writes loss, accuracy and learning rate side by side. A Java without fonts cannot draw: it is told so, and goes on. */
    static void write(RunRecord run, Path file) {
        try {
            AtomicFile.write(file, png(run));
        } catch (AWTError | LinkageError | InternalError e) {
            LOG.warn(
                    "{} was not drawn, as this Java has no fonts ({}); index.html shows the same",
                    file,
                    e.getMessage());
        }
    }

    private static byte[] png(RunRecord run) {
        var charts = List.of(
                chart(
                        run,
                        "Loss, nats",
                        List.of("training", "validation"),
                        List.of(EpochSummary::trainLoss, EpochSummary::validationLoss)),
                chart(
                        run,
                        "Accuracy, %",
                        List.of("training top-1", "validation top-1", "validation top-5"),
                        List.of(
                                row -> 100 * row.trainTop1(),
                                row -> 100 * row.validationTop1(),
                                row -> 100 * row.validationTop5())),
                chart(run, "Learning rate", List.of("learning rate"), List.of(EpochSummary::learningRate)));
        var image = new BufferedImage(charts.size() * WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
        var graphics = image.createGraphics();
        for (int i = 0; i < charts.size(); i++) {
            charts.get(i).paint(graphics, WIDTH, HEIGHT);
            graphics.translate(WIDTH, 0);
        }
        graphics.dispose();
        return ImageEncoder.encode(image, "png");
    }

    private static XYChart chart(
            RunRecord run, String title, List<String> names, List<ToDoubleFunction<EpochSummary>> figures) {
        var chart = new XYChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title(title)
                .theme(ChartTheme.XChart)
                .build();
        var style = chart.getStyler();
        style.setSeriesColors(COLORS);
        style.setChartBackgroundColor(Color.WHITE);
        style.setPlotBorderVisible(false);
        style.setPlotGridLinesColor(new Color(0xe4e2dc));
        style.setChartTitleBoxVisible(false);
        style.setChartTitleFont(new Font(Font.SANS_SERIF, Font.BOLD, 16));
        style.setLegendPosition(LegendPosition.OutsideS);
        style.setLegendLayout(LegendLayout.Horizontal);
        style.setLegendBorderColor(Color.WHITE);
        style.setLegendVisible(names.size() > 1);
        style.setXAxisDecimalPattern("0");
        style.setYAxisDecimalPattern("0.######");
        style.setChartPadding(16);
        var epochs = run.epochs().stream().map(EpochSummary::epoch).toList();
        for (int i = 0; i < names.size(); i++) {
            var series = chart.addSeries(names.get(i), epochs, run.values(figures.get(i)));
            series.setMarker(epochs.size() > 40 ? SeriesMarkers.NONE : SeriesMarkers.CIRCLE);
            series.setLineStyle(new BasicStroke(2.2f));
        }
        return chart;
    }
}
